"""The scene of every row: a PostgreSQL and a Telegram of its own, services as they run in use, and people who wait."""

import asyncio
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, Process
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from community.bundle import Bundle, load_bundle
from community.database.embedded import EmbeddedPostgres, temporary_postgres
from community.database.migrate import migrate
from community.database.pool import Connection, connect
from community.errors import DatabaseError
from community.outbox.bundles import publish
from community.outbox.claim import ensure_budget
from community.sandbox.client import SandboxClient
from tests.benchmarks.harness import ROOT, free_port, sandbox
from tests.benchmarks.service import OWNER, SERVICE, door, environment, evenly
from tests.chaos.verdict import Row, judge, received, settled

FIRST_USER, FIRST_JOINER = 1_000_000, 2_000_000
LATENCY_MS = 10
JOINS_PER_S = 10
LOAD, BUTTON = "chaos", "answer:day_1"
"""Stage of the load's messages, and the button that tells them from others."""
PATIENCE_S = 400.0
"""More than the longest rest of a message that was tried in vain again and again (300 s)."""
LANE = 55
"""One for all, so that both kinds are on their way when the fault strikes."""


@dataclass
class Scene:
    """What a row breaks, and what it sees."""

    postgres: EmbeddedPostgres
    url: str
    api: str
    client: SandboxClient
    home: Path
    size: int
    """Transactional messages of the load, as many promotional ones, and an eighth as many people who join."""
    link: str = ""
    services: list[Process] = field(default_factory=list)

    async def serve(self, *prefix: str, **settings: str) -> Process:
        """Start an always-on service (behind a command such as a wrapper); it runs until the row's end."""
        home = self.home / f"service-{len(self.services)}"
        home.mkdir()
        with (home / "service.log").open("wb") as log:
            service = await asyncio.create_subprocess_exec(
                *prefix, sys.executable, "-m", "deployments.service", cwd=ROOT, stdout=DEVNULL, stderr=log,
                env=environment(self.url, self.api, str(home)) | settings,
            )  # fmt: skip
        self.services.append(service)
        return service

    async def open_group(self, conn: Connection, title: str = "Club") -> None:
        """A group of the bot's, and its door; the service runs from here on."""
        await self.client.create_users([{"id": OWNER, "first_name": "Owner"}])
        group = await self.client.create_group(title, owner=OWNER, bots=[])
        await self.client.add_bot(OWNER, group, SERVICE.bot_id, admin=True)
        self.link = await door(conn)

    async def open_chats(self) -> None:
        """The load's people press Start."""
        for start in range(0, len(self.users), 5_000):
            ids = self.users[start : start + 5_000]
            await self.client.create_users([{"id": user, "first_name": f"User {user}"} for user in ids])
            await self.client.act_all([{"do": "start", "user": user, "bot": self.bot_id} for user in ids])

    async def fill(self, rate: float | None = None) -> None:
        """Put the load into the outbox, due now; `rate`: messages a second, None without limit."""
        await self.open_chats()
        users = self.users
        async with await connect(self.url) as conn:
            await self.client.wait_idle(PATIENCE_S, bot=self.bot_id)
            await settled(conn, self.bot_id, PATIENCE_S)
            await ensure_budget(conn, self.bot_id, rate)
            await conn.execute(
                "INSERT INTO messages (bot_id, member_id, chat_id, lane, stage, step, occurrence, promotional, exempt,"
                " template, bundle, planned_at, due_at) SELECT %s, m.id, m.telegram_id, %s, %s, 'one', 'once',"
                " telegram_id %% 2 = 1, true, 'welcome_drip/day_1', (SELECT bundle FROM publications LIMIT 1),"
                " clock_timestamp(), clock_timestamp() FROM members AS m WHERE telegram_id BETWEEN %s AND %s",
                [self.bot_id, LANE, LOAD, users[0], users[-1]],
            )
            assert await _open(conn) > 0

    async def join(self) -> None:
        """People ask to join, evenly spaced."""
        await self.client.create_users([{"id": user, "first_name": f"User {user}"} for user in self.joiners])
        await evenly(self.joiners, JOINS_PER_S, lambda user: self.client.request_join(user, self.link))

    async def reaches(self, fraction: float) -> None:
        """Return once that part of the load has been settled."""
        async with await connect(self.url) as conn:
            while await _open(conn) > (1 - fraction) * 2 * self.size:
                await asyncio.sleep(0.02)

    async def finish(self, row: Row, healed: float, *, earlier: Counter[int] | None = None) -> Row:
        """Wait for normality since the monotonic second `healed`, and judge. `earlier`: received before."""
        async with await self.reconnect() as conn:
            await self.client.wait_idle(PATIENCE_S, bot=self.bot_id)
            row.must(await settled(conn, self.bot_id, PATIENCE_S), f"not normal after {PATIENCE_S:.0f} s")
            row.normal_again_s = time.monotonic() - healed
            got = await received(self.client, BUTTON) + (earlier or Counter())
            if earlier is None:
                answered, closed = await received(self.client), await _closed(conn)
                silent = [user for user in self.joiners if answered[user] == 0]
                row.figures["joins closed, as nobody could be reached within 5 minutes"] = len(closed & set(silent))
                row.none("joins without an answer", len(set(silent) - closed))
            await judge(row, conn, got, LOAD)
        return row

    async def reconnect(self) -> Connection:
        """A connection, however long the server takes to come up."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await connect(self.url)
            except DatabaseError:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.2)

    @property
    def users(self) -> range:
        """Who is written to."""
        return range(FIRST_USER, FIRST_USER + 2 * self.size)

    @property
    def joiners(self) -> range:
        """Who joins while the fault lasts."""
        return range(FIRST_JOINER, FIRST_JOINER + self.size // 8)

    @property
    def bot_id(self) -> int:
        """The service's bot."""
        return SERVICE.bot_id


async def _closed(conn: Connection) -> set[int]:
    """Whose join requests were declined as their time was over: Telegram lets a bot write to them for 5 minutes."""
    statement = (
        "SELECT telegram_id FROM join_requests r JOIN members m ON m.id = r.member_id WHERE r.state = 'timed_out'"
    )
    return {row["telegram_id"] async for row in await conn.execute(statement)}


async def _open(conn: Connection) -> int:
    statement = "SELECT count(*) AS n FROM messages WHERE stage = %s AND state IN ('waiting', 'sending')"
    row = await (await conn.execute(statement, [LOAD])).fetchone()
    assert row is not None
    return int(row["n"])


@asynccontextmanager
async def scene(
    size: int,
    postgres: EmbeddedPostgres | None = None,
    *,
    bundle: Bundle | None = None,
    group: str = "Club",
    **settings: str,
) -> AsyncIterator[Scene]:
    """Everything up, one service running, a group with its door; nothing in the outbox yet."""
    shown = bundle or load_bundle(ROOT / "templates")
    with tempfile.TemporaryDirectory(prefix="sop-chaos-") as home:
        if postgres:
            async with _scene(size, postgres, Path(home), shown, group, settings) as found:
                yield found
        else:
            with temporary_postgres(durable=True) as own:
                async with _scene(size, own, Path(home), shown, group, settings) as found:
                    yield found


@asynccontextmanager
async def _scene(
    size: int, postgres: EmbeddedPostgres, home: Path, bundle: Bundle, group: str, settings: dict[str, str]
) -> AsyncIterator[Scene]:
    url = postgres.ensure_database("chaos")
    migrate(url)
    async with sandbox("--token", SERVICE.token, "--journal-limit", "100000") as api, SandboxClient(api) as client:
        found = Scene(postgres, url, api, client, home, size)
        try:
            async with await connect(url) as conn:
                await publish(conn, bundle, "chaos")
                await found.serve(**{"SOP_GATEWAY_PORT": str(free_port())} | settings)
                await found.open_group(conn, group)
            await client.set_latency(LATENCY_MS)
            yield found
        finally:
            for service in found.services:
                if service.returncode is None:
                    service.kill()
                await service.wait()


async def strike(
    scene: Scene, row: Row, fault: Callable[[], Awaitable[object]], *, rate: float | None = None, after: float = 0.1
) -> Row:
    """The load with people joining; the fault begins when `after` of it is done, and is over when `fault` returns."""
    await scene.fill(rate)
    joining = asyncio.create_task(scene.join())
    await scene.reaches(after)
    await fault()
    healed = time.monotonic()
    await joining
    return await scene.finish(row, healed)
