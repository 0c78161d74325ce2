"""Decisions and the runs that wait for them: past Prefect, a run goes on, or ends, as soon as Prefect can be asked; and
whoever cancels such a run has decided.

Nothing else depends on it: a word is carried out by the service, whether Prefect is there or not.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from community.database.installation import sop_now
from community.database.pool import Pool
from community.errors import PrefectUnavailable
from community.outreach.decide import heed
from community.outreach.proposal import Proposal
from community.outreach.proposals import LATELY, decided_lately, waiting_runs
from community.settings import Settings
from deployments.runs import ask

LOOK_S = 3.0
HEED_S = 15.0

log = logging.getLogger(__name__)
CatchUp = Callable[[Proposal], Coroutine[Any, Any, bool]]
Cancelled = Callable[[Sequence[Proposal]], Coroutine[Any, Any, list[Proposal]]]


class ShowDecisions:
    """Looks for decisions that a suspended run may not know of, until it knows. Safe in several processes at once."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: set[tuple[str, str]] = set()
        self._away = False

    async def run(self) -> None:
        """Show decisions until cancelled."""
        catch_up = await asyncio.to_thread(_catch_up)
        while True:
            await self.show(catch_up)
            await asyncio.sleep(LOOK_S)

    async def show(self, catch_up: CatchUp) -> None:
        """Bring the runs up to date; what Prefect does not answer is repeated. The log says when it goes away."""
        async with self._pool.connection() as conn:
            found = await decided_lately(conn, await sop_now(conn) - LATELY)
        try:
            for proposal in found:
                await self._show(catch_up, proposal)
        except PrefectUnavailable as error:
            if not self._away:
                log.warning("runs that wait for approval go on later: %s", error)
            self._away = True

    async def _show(self, catch_up: CatchUp, proposal: Proposal) -> None:
        news = (proposal.question, proposal.state)
        if news in self._known:
            return
        if await ask(partial(catch_up, proposal)):
            self._known.add(news)
            log.info("plan %d: its run knows that it is %s", proposal.id, proposal.state)
        self._away = False


class HeedCancels:
    """Takes the cancelling of a run that waits for a word as that word. While Prefect is away nothing is said."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool, self._settings = pool, settings

    async def run(self) -> None:
        """Look for cancelled runs until cancelled."""
        cancelled = await asyncio.to_thread(_cancelled_runs)
        while True:
            await self.heed(cancelled)
            await asyncio.sleep(HEED_S)

    async def heed(self, cancelled: Cancelled) -> None:
        """Cancel the proposals whose runs are cancelled. Prefect is asked only while something waits."""
        async with self._pool.connection() as conn:
            waiting = await waiting_runs(conn)
        with suppress(PrefectUnavailable):
            found = await ask(partial(cancelled, waiting)) if waiting else []
            async with self._pool.connection() as conn:
                bot_id, staff_chat = self._settings.bot_id, self._settings.staff_chat
                await heed(conn, found, await sop_now(conn), bot_id=bot_id, staff_chat=staff_chat)


def _cancelled_runs() -> Cancelled:
    from tasks.resuming import cancelled_runs

    return cancelled_runs


def _catch_up() -> CatchUp:
    """Imported off the loop: the import takes seconds."""
    from tasks.resuming import catch_up

    return catch_up
