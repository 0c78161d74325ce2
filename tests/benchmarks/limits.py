"""Row `limits`: the sandbox enforces Telegram's limits for 60 s, one delivering process and two.

30 messages in any second, 1 a second in a private chat, 20 in any minute in a group, as sliding windows over arrivals,
at 60 ms latency. The queue mixes chats with one message, chats with several, and groups with more than a minute's
worth. `ratio` is the worse run's messages taken in 60 s over 30/s; a 429 anywhere, the run's start included, fails it.
"""

import asyncio
import os
from dataclasses import dataclass

from community.database.pool import connect
from community.sandbox.client import SandboxClient
from tests.benchmarks.deliverer import Deliverer
from tests.benchmarks.harness import BOT_ID, NOON, Row, database, install, open_chats, sandbox

RATE = 30
SECONDS = 60
WARM_UP_S = 2
LATENCY_MS = 60
CONNECTIONS = 64
SINGLE, SEVERAL, GROUPS = 2_000, 150, 5
FIRST_USER = 1_000_000


@dataclass(frozen=True)
class Measured:
    """What the sandbox saw: messages it took in the window, and the worst of all its windows."""

    taken: int
    worst_second: int
    worst_chat_second: int
    worst_group_minute: int
    too_many: int

    def __str__(self) -> str:
        worst = f"{self.worst_second} a second, {self.worst_chat_second} a chat second"
        worst += f", {self.worst_group_minute} a group minute"
        return f"{self.taken / SECONDS:.2f}/s; most {worst}; 429: {self.too_many}"


async def run() -> Row:
    """Measure one process, then two."""
    measured = {"one process": await _measure(1), "two processes": await _measure(2)}
    ratio = min(run.taken for run in measured.values()) / (RATE * SECONDS)
    passed = ratio >= 0.98 and not any(run.too_many for run in measured.values())
    details: dict[str, float | int | str] = {name: str(run) for name, run in measured.items()}
    details["load average"] = f"{os.getloadavg()[0]:.1f}"
    return Row("limits", ratio * RATE, "msg/s", {"limit": RATE}, ratio, "≥ 0.98 of 30/s, no 429", passed, details)


async def _measure(processes: int) -> Measured:
    with database() as url:
        async with sandbox("--journal-limit", "20000") as api, SandboxClient(api) as client:
            await open_chats(api, FIRST_USER, SINGLE + SEVERAL)
            groups = [await client.create_group(f"Group {number}") for number in range(GROUPS)]
            await _fill(url, groups)
            await client.set_limits(True)
            await client.set_latency(LATENCY_MS)
            await client.reset_meter()
            await _deliver(url, api, processes)
            arrivals = await _arrivals(client)
            meter = await client.meter()
    begin = arrivals[0] + WARM_UP_S
    assert arrivals[-1] > begin + SECONDS, "the queue ran dry, or nothing was sent at the end"
    taken = sum(begin <= arrival < begin + SECONDS for arrival in arrivals)
    worst = {name: meter[name] for name in ("worst_second", "worst_chat_second", "worst_group_minute", "too_many")}
    return Measured(taken, **worst)


async def _fill(url: str, groups: list[int]) -> None:
    """The queue in random order: one message to most chats, five to some, forty to groups."""
    bundle = await install(url, rate=RATE)
    chats = [FIRST_USER + number for number in range(SINGLE)]
    chats += [FIRST_USER + SINGLE + number for number in range(SEVERAL)] * 5 + groups * 40
    async with await connect(url) as conn:
        await conn.execute(
            "INSERT INTO messages (bot_id, chat_id, lane, stage, step, occurrence, template, bundle, planned_at,"
            " due_at) SELECT %s, chat, 35, 'welcome_drip', 'day_1', place, 'welcome_drip/day_1', %s, %s, %s"
            " FROM unnest(%s::bigint[]) WITH ORDINALITY AS queue (chat, place) ORDER BY random()",
            [BOT_ID, bundle.hash, NOON, NOON, chats],
        )
        await conn.execute("VACUUM ANALYZE messages")


async def _deliver(url: str, api: str, processes: int) -> None:
    deliverers = [Deliverer(url, api, f"process-{number}", CONNECTIONS) for number in range(processes)]
    for deliverer in deliverers:
        await deliverer.ready()
    for deliverer in deliverers:
        deliverer.go()
    await asyncio.sleep(WARM_UP_S + SECONDS + 3)
    for deliverer in deliverers:
        await deliverer.stop()


async def _arrivals(client: SandboxClient) -> list[float]:
    """Monotonic seconds at which the sandbox took messages, in order."""
    arrivals: list[float] = []
    seen = 0
    while page := await client.journal(after=seen, method="sendMessage", bot_id=BOT_ID, limit=5_000):
        arrivals += [call["arrived"] for call in page if call["error"] is None]
        seen = page[-1]["number"]
    return sorted(arrivals)
