"""Run the demonstration: fresh servers, four flow runs a virtual day, a summary, and checks from three sides."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from community.bundle import Bundle, load_bundle
from community.database.pool import Connection, connect
from community.database.queries import load
from community.errors import PrefectUnavailable
from community.groups.gate import sweep_gate
from community.groups.welcome import sweep_greetings
from community.outbox.recover import recover
from community.sandbox.client import SandboxClient
from community.settings import Mode, Settings, load_settings
from community.simulation.crowd import Crowd
from community.simulation.people import SLOTS_A_DAY, populate
from community.simulation.verdict import judge
from deployments.demo.clockwork import LOOK_S, Clockwork
from deployments.demo.facts import STAGE, gather
from deployments.demo.scene import GROUPS, STAFF_CHAT, prepare, quiz
from deployments.demo.summary import summarise, verdict
from deployments.runs import open_run, run_opened, send_rest
from deployments.stack import Stack

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.schemas.objects import FlowRun

queries = load(__file__)

START = datetime(2026, 3, 2, 2, tzinfo=UTC)
"""A Monday, 10:00 in Shanghai. New York's clocks go forward the Sunday after, which puts the zones to the test."""
SLOT = timedelta(days=1) / SLOTS_A_DAY
OPENS = timedelta(hours=3)
"""After each run people live up to here; then newcomers come, and talk with the bot minute by minute."""
MINUTE = timedelta(minutes=1)
MOST_MINUTES = 15
PATIENCE = 60
"""Seconds an overloaded Prefect server has to note a run."""
DEPLOYMENT = "welcome-drip/welcome-drip"


async def run_demo(*, exit: bool = False, days: int = 28, members: int = 300, seed: int = 7) -> int:
    """Bring a synthetic community to life for `days` virtual days, then stay up until Ctrl-C unless `exit`.

    Returns the exit code: 0 if every check passed. Begins with a fresh database each time. Raises SopError in one line
    when something that it needs is missing.
    """
    console, settings = Console(highlight=False), demo_settings()
    try:
        async with Stack(settings, log=lambda text: console.print(text, markup=False), fresh=True) as stack:
            _enter(stack.environment)
            passed = await _play(console, settings, days, members, seed)
            await send_rest()
            if not exit:
                console.print("\nStill up; time is real from here on. Ctrl-C stops it.")
                for name, url in stack.addresses.items():
                    console.print(f"{name:<17} {url}", markup=False)
                await stack.wait()
    except asyncio.CancelledError:
        console.print("Stopped.")
        return 130
    return 0 if passed else 1


def demo_settings() -> Settings:
    """The demonstration's own settings: local Telegram, own database, whatever the environment says for real use."""
    os.environ |= {
        "SOP_MODE": Mode.demo,
        "SOP_DATABASE_URL": "",
        "SOP_PUBLIC_URL": "",
        "SOP_STAFF_CHAT": str(STAFF_CHAT),
    }
    return load_settings()


def _enter(environment: dict[str, str]) -> None:
    """Make this process one of the stack's. What its runs log is in the Prefect UI; here is the progress bar."""
    quick = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL", "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false"}
    os.environ |= environment | quick


async def _play(console: Console, settings: Settings, days: int, members: int, seed: int) -> bool:
    bundle = load_bundle(settings.playbook_dir)
    async with AsyncExitStack() as open_now:
        conn = await open_now.enter_async_context(await connect(os.environ["SOP_DATABASE_URL"]))
        sandbox = await open_now.enter_async_context(SandboxClient(settings.telegram_api))
        http = await open_now.enter_async_context(aiohttp.ClientSession())
        clock = Clockwork(conn, sandbox, settings.bot_id)
        flow = asyncio.create_task(asyncio.to_thread(_flow))
        doors = await prepare(conn, sandbox, clock, settings, bundle.playbook, START - timedelta(hours=1))
        tokens = [link.token for link in bundle.playbook.links]
        people = populate(members, days, seed, tokens, [int(str(group["slot"])) for group in GROUPS])
        crowd = Crowd(people, sandbox, http, doors, quiz(bundle.playbook), seed)
        await crowd.settle()
        life = Life(conn, clock, crowd, bundle, settings.bot_id, await flow)
        async with _progress(console, days) as show:
            await life.pass_days(days, show)
        await summarise(console, conn, bundle.playbook, crowd)
        facts = await gather(conn, sandbox, crowd, bundle.playbook, START + days * SLOTS_A_DAY * SLOT, life.runs)
        passed = verdict(console, judge(facts))
        await clock.release()
    return passed


@dataclass(slots=True)
class Life:
    """Days passing: runs of the drip, and people's doings between them."""

    conn: Connection
    clock: Clockwork
    crowd: Crowd
    bundle: Bundle
    bot_id: int
    flow: "Flow[..., Any]"
    runs: list[str] = field(default_factory=list)
    """Final state of each run."""
    _opening: "asyncio.Task[FlowRun | None]" = field(init=False)
    _running: asyncio.Task[None] | None = None
    _name: str = field(default_factory=lambda: secrets.token_hex(4))

    async def pass_days(self, days: int, show: Callable[[int, datetime], None]) -> None:
        """Live `days`, each in slots: the run of the hour first, then people; and a last run at the end."""
        self._opening = asyncio.create_task(self._open(START))
        for slot in range(days * SLOTS_A_DAY):
            at = START + slot * SLOT
            await self._run(at)
            self._opening = asyncio.create_task(self._open(at + SLOT))
            await self._slot(slot, at)
            show(slot + 1, at)
        await self._run(START + days * SLOTS_A_DAY * SLOT)
        await self._finish_run()

    async def _open(self, at: datetime) -> "FlowRun | None":
        """Have the run of that moment noted by Prefect, which takes as long as planning; None: it does not answer."""
        parameters, key = {"as_of": at.isoformat()}, f"demo-{self._name}-{at.isoformat()}"
        for _ in range(PATIENCE):
            with suppress(PrefectUnavailable):
                return await open_run(DEPLOYMENT, parameters, idempotency_key=key, tags=["demo"])
            await asyncio.sleep(1)
        return None

    async def _run(self, at: datetime) -> None:
        """Sweep, and run the drip; go on once it has planned and its messages are delivered, while it reports."""
        await self.clock.set(at)
        await self._sweep(at)
        await self._finish_run()
        self._running = asyncio.create_task(self._carry_out(await self._opening))
        while not (self._running.done() or await self._planned(at)):  # noqa: ASYNC110 - the event is in the database
            await asyncio.sleep(LOOK_S)
        await self.clock.settled()

    async def _carry_out(self, run: "FlowRun | None") -> None:
        try:
            state = (await run_opened(self.flow, run)).name if run else "not noted: Prefect's server did not answer"
        except PrefectUnavailable as error:
            state = str(error)
        self.runs.append(state or "nameless")

    async def _finish_run(self) -> None:
        if self._running:
            await self._running

    async def _planned(self, at: datetime) -> bool:
        found = await self.conn.execute(queries.planned, {"stage": STAGE, "as_of": at})
        return await found.fetchone() is not None

    async def _slot(self, slot: int, begins: datetime) -> None:
        """People live; then they and the bot talk minute by minute, as long as somebody has something to say."""
        now = begins + OPENS
        await self.clock.set(now)
        acted = await self.crowd.spend(slot, begins.timestamp(), now.timestamp())
        for _ in range(MOST_MINUTES):
            await self.clock.settled()
            if await self._greet(now):
                await self.clock.settled()
            if not acted:
                return
            now += MINUTE
            await self.clock.set(now)
            acted = await self.crowd.talk_on(slot, now.timestamp())

    async def _greet(self, now: datetime) -> int:
        greeted = await sweep_greetings(self.conn, self.bundle, now, self.bot_id)
        if greeted:
            await self.clock.set(now)
        return greeted

    async def _sweep(self, at: datetime) -> None:
        """What the service and the `delivery` flow do every few seconds, here at a virtual moment."""
        await recover(self.conn, self.bot_id, at)
        await sweep_gate(self.conn, self.bundle, at, self.bot_id)
        await sweep_greetings(self.conn, self.bundle, at, self.bot_id)


def _flow() -> "Flow[..., Any]":
    """The real flow; importing Prefect takes seconds."""
    from flows.welcome_drip import welcome_drip

    return welcome_drip


@asynccontextmanager
async def _progress(console: Console, days: int) -> AsyncIterator[Callable[[int, datetime], None]]:
    """A bar on a terminal, a line a virtual day elsewhere."""
    if not console.is_terminal:
        yield (
            lambda slot, at: (
                console.print(f"day {slot // SLOTS_A_DAY} of {days} · {at:%a %d %b %Y}")
                if slot % SLOTS_A_DAY == 0
                else None
            )
        )
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("The community lives", total=days * SLOTS_A_DAY)
        yield lambda slot, at: bar.update(task, completed=slot, description=f"{at:%a %d %b %Y}")
