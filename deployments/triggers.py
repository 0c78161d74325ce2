"""Show in Prefect what was done at once: its flow over the same members, as soon as Prefect can be asked.

Members do not wait for it. Triggers stay in the database until a run over them has been recorded, however long Prefect
is away and whichever process goes on.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from community.database.pool import Connection, connect
from community.database.wakeup import TRIGGERS, Wakeup
from community.errors import PrefectUnavailable
from community.outreach.triggers import Waiting, mark_shown, waiting_triggers
from deployments.runs import run_shown

if TYPE_CHECKING:
    from prefect import Flow

BATCH = 500
"""Triggers in one run; its cost in Prefect does not grow with them."""
GAP_S = 10.0
"""Between two runs: what happens meanwhile shares the next one. A run costs Prefect a second, not its members."""
REST = 3
"""Rest after a run as a multiple of its length, if that is longer: a slow server gets fewer, larger runs."""
LONGEST_GAP_S = 30.0
RETRY_S = 5.0
LOOK_S = 5.0
LEADER_LOCK = 0x50B_0003
"""With the stage: each has a leader of its own."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """What shows the triggers of a stage. `flow`: its dotted path, imported when first needed.

    `deployment`: "flow/deployment"; `tag`: of these runs; `since`: they are told from when on, too. `parameters`: what
    they are given instead of moment and members, which they find out for themselves.
    """

    stage: str
    flow: str
    deployment: str
    tag: str
    since: bool = False
    parameters: Mapping[str, Any] | None = None

    def parameters_for(self, batch: Sequence[Waiting]) -> Mapping[str, Any]:
        """What the run over the batch is given."""
        if self.parameters is not None:
            return self.parameters
        moments = [trigger.at for trigger in batch]
        since = {"since": min(moments).isoformat()} if self.since else {}
        return {
            "as_of": max(moments).isoformat(),
            "members": sorted({trigger.member_id for trigger in batch}),
            **since,
        }


JOINS = Shown("welcome_drip", "flows.welcome_drip.welcome_drip", "welcome-drip/welcome-drip", "joined")
PAYMENTS = Shown(
    "payment_access", "flows.payment_access.payment_access", "payment-access/payment-access", "paid", since=True
)
REMOVALS = Shown(
    "access_expiry",
    "flows.access_expiry.access_expiry",
    "access-expiry/access-expiry",
    "approved",
    parameters={"only_approved": True},
)


class ShowTriggers:
    """Turns the triggers of one stage into runs, in one process at a time; the others stand by."""

    def __init__(self, url: str, wakeup: Wakeup, what: Shown) -> None:
        self._url, self._wakeup, self._what = url, wakeup, what
        self._away = False

    async def run(self) -> None:
        """Show triggers until cancelled. Ends with an error when the database goes away; the caller runs it again."""
        flow = await asyncio.to_thread(_imported, self._what.flow)
        async with await connect(self._url) as conn:
            await _lead(conn, self._what.stage)
            while True:
                if batch := await waiting_triggers(conn, self._what.stage, BATCH):
                    took = await self._show(conn, flow, batch)
                    await asyncio.sleep(min(max(GAP_S, REST * took), LONGEST_GAP_S))
                else:
                    await self._wakeup.wait(TRIGGERS, LOOK_S)

    async def _show(self, conn: Connection, flow: "Flow[..., Any]", batch: Sequence[Waiting]) -> float:
        """One run over the batch; returns how many seconds it took, without the time that Prefect was away.

        Meanwhile the same batch is kept, so that its run is noted once.
        """
        parameters = self._what.parameters_for(batch)
        key = f"{self._what.stage}:{batch[0].id}-{batch[-1].id}:{len(batch)}"
        while True:
            began = time.monotonic()
            if await self._shown(flow, parameters, key):
                await mark_shown(conn, [trigger.id for trigger in batch])
                return time.monotonic() - began
            await asyncio.sleep(RETRY_S)

    async def _shown(self, flow: "Flow[..., Any]", parameters: Mapping[str, Any], key: str) -> bool:
        """Whether the run has been recorded. The log says when Prefect goes away and when it is back, once each."""
        try:
            await run_shown(flow, self._what.deployment, parameters, idempotency_key=key, tags=[self._what.tag])
        except PrefectUnavailable as error:
            if not self._away:
                log.warning("%s: runs are recorded later: %s", self._what.stage, error)
            self._away = True
            return False
        if self._away:
            log.info("%s: Prefect is back, runs are recorded again", self._what.stage)
        self._away = False
        return True


async def _lead(conn: Connection, stage: str) -> None:
    """Wait until this process alone shows the stage's triggers; the lock goes with its connection."""
    await conn.execute("SELECT pg_advisory_lock(%(key)s, hashtext(%(stage)s))", {"key": LEADER_LOCK, "stage": stage})


def _imported(path: str) -> "Flow[..., Any]":
    module, _, name = path.rpartition(".")
    flow: Flow[..., Any] = getattr(import_module(module), name)
    return flow
