"""Row `kill`: the delivering process is killed 100 times at random moments; marketing arrives once, the rest surely.

30,000 messages, four fifths of them promotional, each to a chat of its own, at 10 ms latency without limits. Each kill
is SIGKILL, and the next process goes on at once. What was in flight then stays so until its lease runs out; at last it
is recovered and the rest delivered. What the sandbox says people received is compared with what the outbox says.
"""

import asyncio
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from community.database.pool import Connection, connect
from community.outbox.recover import recover
from community.sandbox.client import SandboxClient
from tests.benchmarks.deliverer import Deliverer
from tests.benchmarks.harness import BOT_ID, NOON, Row, count, database, install, open_chats, sandbox

MESSAGES, KILLS = 30_000, 100
LATENCY_MS = 10
CONNECTIONS = 32
"""As many as a claim takes: what a kill cuts off on its way is one claim at most."""
FIRST_USER = 1_000_000
GUESS = 800.0
"""Messages a second, as if seen for a second before the first."""
UNSENT = "SELECT count(*) FROM messages WHERE state IN ('waiting', 'sending')"
LEASES = "SELECT count(*) FROM messages WHERE state = 'sending'"


@dataclass
class Toll:
    """What the kills did."""

    messages: int
    in_flight: dict[str, int] = field(default_factory=dict)
    """Killed process → messages it had in flight."""
    sending_s: float = 0.0
    """Seconds in which a process delivered, up to the last kill."""
    by_then: int = 0
    """Messages that people had received at the last kill."""
    uncertain: int = 0
    parked: Counter[str] = field(default_factory=Counter)
    """Killed process → its messages left uncertain that nobody received."""
    promotional_twice: int = 0
    promotional_lost: int = 0
    """Not received although the outbox says sent."""
    transactional_lost: int = 0
    transactional_twice: int = 0

    @property
    def rate(self) -> float:
        """Messages a second while sending."""
        return self.by_then / self.sending_s

    @property
    def most_parked(self) -> int:
        """By one kill."""
        return max(self.parked.values(), default=0)

    @property
    def figure(self) -> int:
        """What must not happen."""
        return self.promotional_twice + self.transactional_lost

    @property
    def holds(self) -> bool:
        """Whether the outbox kept its word."""
        kept = self.figure == self.promotional_lost == 0 and self.most_parked <= 32
        return kept and self.uncertain <= sum(self.in_flight.values())


async def run() -> Row:
    """Deliver, kill, and compare."""
    with database() as url:
        toll = await endure(url, MESSAGES, KILLS)
    in_flight = toll.in_flight.values()
    details: dict[str, float | int | str] = {
        "kills": len(toll.in_flight),
        "while sending": f"{toll.rate:,.0f} msg/s",
        "in flight at the kills": f"{sum(in_flight)} of {toll.messages}, most {max(in_flight)}",
        "uncertain": toll.uncertain,
        "parked, never received": f"{toll.parked.total()}, most {toll.most_parked} a kill",
        "transactional received twice": toll.transactional_twice,
        "load average": f"{os.getloadavg()[0]:.1f}",
    }
    passed = toll.holds and len(toll.in_flight) >= KILLS and toll.rate >= 500
    target = "0; uncertain ≤ in flight, parked ≤ 32 a kill, ≥ 500 msg/s"
    return Row("kill", toll.figure, "twice or lost", {"bare": 0}, None, target, passed, details)


async def endure(url: str, messages: int, kills: int, *, wait_for_leases: bool = True) -> Toll:
    """The whole ordeal on a migrated database. Leases that nobody waits for are ended: their owners are dead."""
    toll = Toll(messages)
    async with sandbox("--journal-limit", str(2 * messages)) as api, SandboxClient(api) as client:
        await open_chats(api, FIRST_USER, messages)
        await client.set_latency(LATENCY_MS)
        async with await connect(url) as conn:
            await _fill(url, conn, messages)
            survivor = await _kill_again_and_again(url, api, conn, toll, kills)
            toll.by_then = len(await _received(client))
            await _recover(conn, wait_for_leases)
            await _deliver_the_rest(conn, survivor)
            await _compare(conn, Counter(await _received(client)), toll)
    return toll


async def _fill(url: str, conn: Connection, messages: int) -> None:
    """Members with a message each, every fifth transactional."""
    bundle = await install(url, rate=None)
    await conn.execute(
        "INSERT INTO members (telegram_id, first_name, dm, first_seen_at, entered_at)"
        " SELECT %s + i, 'User ' || i, 'open', %s, %s FROM generate_series(0, %s) AS i",
        [FIRST_USER, NOON, NOON, messages - 1],
    )
    await conn.execute(
        "INSERT INTO messages (bot_id, member_id, chat_id, lane, stage, step, occurrence, promotional, template,"
        " bundle, planned_at, due_at) SELECT %s, id, telegram_id, 35, 'welcome_drip', 'day_1', 'bench',"
        " telegram_id %% 5 <> 0, 'welcome_drip/day_1', %s, %s, %s FROM members",
        [BOT_ID, bundle.hash, NOON, NOON],
    )
    await conn.execute("VACUUM ANALYZE members, messages")


async def _kill_again_and_again(url: str, api: str, conn: Connection, toll: Toll, kills: int) -> Deliverer:
    """Each process lives for a random time, such that the last kill comes when nine tenths are sent.

    Returns the one that was to follow.
    """
    following = Deliverer(url, api, "kill-0", CONNECTIONS)
    await following.ready()
    for number in range(kills):
        current, following = following, Deliverer(url, api, f"kill-{number + 1}", CONNECTIONS)
        done = toll.messages - await count(conn, UNSENT)
        rate = (done + GUESS) / (toll.sending_s + 1)
        mean_s = max(0.0, 0.9 * toll.messages - done) / (kills - number) / rate
        await following.ready()
        began = time.monotonic()
        current.go()
        await asyncio.sleep(random.uniform(0, 2) * mean_s)
        await current.kill()
        toll.sending_s += time.monotonic() - began
        toll.in_flight[current.name] = await _in_flight(conn, current.name)
    return following


async def _in_flight(conn: Connection, process: str) -> int:
    """What a dead process left, once PostgreSQL has finished or undone what it was told last."""
    alive = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{process}'"
    while await count(conn, alive):
        await asyncio.sleep(0.005)
    return await count(conn, f"SELECT count(*) FROM messages WHERE state = 'sending' AND claimed_by = '{process}'")


async def _recover(conn: Connection, wait_for_leases: bool) -> None:
    if not wait_for_leases:
        await conn.execute("UPDATE messages SET lease_until_wall = clock_timestamp() WHERE state = 'sending'")
    while await count(conn, LEASES):
        await recover(conn, BOT_ID, NOON)
        await asyncio.sleep(0.1)


async def _deliver_the_rest(conn: Connection, survivor: Deliverer) -> None:
    survivor.go()
    while await count(conn, UNSENT):
        await asyncio.sleep(0.05)
    await survivor.stop()


async def _received(client: SandboxClient) -> list[int]:
    """The chat of each message that people received."""
    chats: list[int] = []
    page = await client.delivered()
    while page["messages"]:
        chats += [message["chat_id"] for message in page["messages"]]
        page = await client.delivered(after=page["next"])
    return chats


async def _compare(conn: Connection, received: Counter[int], toll: Toll) -> None:
    rows = await conn.execute("SELECT chat_id, promotional, state, claimed_by FROM messages")
    async for row in rows:
        _judge(row, received[row["chat_id"]], toll)


def _judge(row: dict[str, Any], times: int, toll: Toll) -> None:
    toll.uncertain += row["state"] == "uncertain"
    if not row["promotional"]:
        toll.transactional_lost += times == 0
        toll.transactional_twice += times > 1
    elif times > 1:
        toll.promotional_twice += 1
    elif times == 0 and row["state"] == "uncertain":
        toll.parked[row["claimed_by"]] += 1
    elif times == 0:
        toll.promotional_lost += 1
