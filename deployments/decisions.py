"""Tell Prefect what was decided past it: runs that wait for a word go on, or end, as soon as Prefect can be asked.

Nothing depends on it: the word is carried out before, by the service, whether Prefect is there or not.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from community.database.installation import sop_now
from community.database.pool import Pool
from community.errors import PrefectUnavailable
from community.outreach.proposal import Proposal
from community.outreach.proposals import LATELY, decided_lately
from deployments.runs import ask

LOOK_S = 3.0

log = logging.getLogger(__name__)
CatchUp = Callable[[Proposal], Coroutine[Any, Any, bool]]


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


def _catch_up() -> CatchUp:
    """Imported off the loop: the import takes seconds."""
    from tasks.resuming import catch_up

    return catch_up
