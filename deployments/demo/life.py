"""Days passing in the demonstration: the flows, and what people do between their runs."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from community.bundle import Bundle
from community.database.pool import Connection
from community.database.queries import load
from community.errors import PrefectUnavailable
from community.groups.gate import sweep_gate
from community.groups.welcome import sweep_greetings
from community.outbox.recover import recover
from community.outreach.plan import tally
from community.payments.reconciliation import Kind, findings
from community.simulation.crowd import Crowd
from community.simulation.people import SLOTS_A_DAY
from deployments.clockwork import LOOK_S, Clockwork
from deployments.demo.calendar import Calendar
from deployments.demo.facts import LIVE, OTHERS, STAGE
from deployments.demo.scene import STAFF_CHAT
from deployments.runs import open_run, run_opened, run_shown

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.schemas.objects import FlowRun

queries = load(__file__)

DRIP = STAGE.replace("_", "-")
SLOT = timedelta(days=1) / SLOTS_A_DAY
TAKEN_OUT_EVERY = 3 * SLOTS_A_DAY
"""Slots between two looks at whose time in the paid group is over."""
OPENS = timedelta(hours=3)
"""After each run people live up to here; then newcomers come, and talk with the bot minute by minute."""
MINUTE = timedelta(minutes=1)
MOST_MINUTES = 15
PATIENCE = 60
"""Seconds an overloaded Prefect server has to note a run."""


EXPIRY, RECONCILIATION, PAYMENTS = "access_expiry", "access_reconciliation", "payment_access"
COUNTING, WEEKLY = "kpi_count", "weekly_report"
AT_THE_END = (PAYMENTS, RECONCILIATION, COUNTING, WEEKLY)


def real_flows() -> "dict[str, Flow[..., Any]]":
    """The real flows by name; importing Prefect takes seconds."""
    names = (STAGE, *OTHERS, EXPIRY, *AT_THE_END)
    return {name: getattr(import_module(f"flows.{name}"), name) for name in names}


@dataclass(slots=True)
class Life:
    """Days passing: runs of the stages, and people's doings between them."""

    conn: Connection
    clock: Clockwork
    crowd: Crowd
    bundle: Bundle
    bot_id: int
    flows: "dict[str, Flow[..., Any]]"
    calendar: Calendar
    start: datetime
    runs: list[str] = field(default_factory=list)
    """Final state of each run."""
    _opening: "asyncio.Task[FlowRun | None]" = field(init=False)
    _running: asyncio.Task[None] | None = None
    _name: str = field(default_factory=lambda: secrets.token_hex(4))

    async def pass_days(self, days: int, show: Callable[[int, datetime], None]) -> None:
        """Live `days`, each in slots: the run of the hour first, then people; and a last run at the end."""
        self._opening = asyncio.create_task(self._open(self.start))
        for slot in range(days * SLOTS_A_DAY):
            at = self.start + slot * SLOT
            await self._run(at)
            self._opening = asyncio.create_task(self._open(at + SLOT))
            morning = slot % SLOTS_A_DAY == 0
            if morning:
                await self.calendar.give(at)
            if slot % TAKEN_OUT_EVERY == 0:
                await self._take_out(at)
            await self._others(at, [stage for stage in OTHERS if stage != LIVE] if morning else [])
            await self._slot(slot, await self._rungs(at, at + OPENS), at + OPENS)
            await self._rungs(at + OPENS, at + SLOT)
            show(slot + 1, at)
        end = self.start + days * SLOTS_A_DAY * SLOT
        await self._run(end)
        await self._take_out(end)
        self.runs.extend([await self._run_other(name, end) for name in AT_THE_END])
        await self.clock.settled()
        await self._finish_run()

    async def _open(self, at: datetime) -> "FlowRun | None":
        """Have the run of that moment noted by Prefect, which takes as long as planning; None: it does not answer."""
        parameters, key = {"as_of": at.isoformat()}, f"demo-{self._name}-{at.isoformat()}"
        for _ in range(PATIENCE):
            with suppress(PrefectUnavailable):
                return await open_run(f"{DRIP}/{DRIP}", parameters, idempotency_key=key, tags=["demo"])
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
            state = (
                (await run_opened(self.flows[STAGE], run)).name if run else "not noted: Prefect's server did not answer"
            )
        except PrefectUnavailable as error:
            state = str(error)
        self.runs.append(state or "nameless")

    async def _finish_run(self) -> None:
        if self._running:
            await self._running

    async def _planned(self, at: datetime) -> bool:
        found = await self.conn.execute(queries.planned, {"stage": STAGE, "as_of": at})
        return await found.fetchone() is not None

    async def _rungs(self, since: datetime, until: datetime) -> datetime:
        """The moments of live sessions: their flow runs, and whoever is told reads it at once; the last of them."""
        for at in self.calendar.moments(since, until):
            await self.clock.set(at)
            await self._sweep(at)
            await self._others(at, [LIVE])
            if await self.crowd.read_on(at.timestamp()):
                await self.clock.settled()
            since = at
        return since

    async def _others(self, at: datetime, stages: Sequence[str]) -> None:
        """Run the flows of those stages that have something to send, side by side."""
        due = [stage for stage in stages if await self._has_something(stage, at)]
        states = await asyncio.gather(*(self._run_other(stage, at) for stage in due))
        self.runs.extend(states)
        if due:
            await self.clock.settled()

    async def _take_out(self, at: datetime) -> None:
        """Whoever is in the paid group and holds nothing any more; the flow runs when there is somebody."""
        found = await findings(self.conn, self.bundle.playbook, at, staff_chat=STAFF_CHAT)
        if any(each.kind is Kind.unpaid for each in found):
            self.runs.append(await self._run_other(EXPIRY, at))
            await self.clock.settled()

    async def _has_something(self, stage: str, at: datetime) -> bool:
        rows = await tally(self.conn, self.bundle, stage, at)
        return any(row["outcome"] in ("send", "deferred") for row in rows)

    async def _run_other(self, what: str, at: datetime) -> str:
        """Run a flow as a run of its deployment; the state it ends in."""
        name, flow = what.replace("_", "-"), self.flows[what]
        as_of = flow.parameters.properties.get("as_of")  # a report's is a day, and by itself the present one
        parameters = {"as_of": at.isoformat()} if as_of and what != WEEKLY else {}
        key = f"demo-{self._name}-{what}-{at.isoformat()}"
        for _ in range(PATIENCE):
            with suppress(PrefectUnavailable):
                state = await run_shown(flow, f"{name}/{name}", parameters, idempotency_key=key, tags=["demo"])
                return state.name or "nameless"
            await asyncio.sleep(1)
        return "not noted: Prefect's server did not answer"

    async def _slot(self, slot: int, since: datetime, now: datetime) -> None:
        """People live; then they and the bot talk minute by minute, as long as somebody has something to say."""
        await self.clock.set(now)
        acted = await self.crowd.spend(slot, since.timestamp(), now.timestamp())
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
