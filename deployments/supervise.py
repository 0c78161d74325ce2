"""Parts of a long-running process: each is kept running by itself, and stops no other when it crashes."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

STEADY_S = 60.0
"""A part that ran this long starts again at once when it crashes; others rest ever longer."""
LONGEST_REST_S = 30.0

log = logging.getLogger(__name__)
Part = Callable[[], Awaitable[None]]


async def keep(name: str, part: Part) -> None:
    """Run the part until it ends by itself; each time it crashes, say so and run it again."""
    rest = 1.0
    while True:
        began = time.monotonic()
        try:
            return await part()
        except Exception as error:
            rest = 1.0 if time.monotonic() - began > STEADY_S else min(2 * rest, LONGEST_REST_S)
            reason = (str(error).splitlines() or [""])[0]
            log.warning("%s: %s: %s; starting it again in %.0f s", name, type(error).__name__, reason, rest)
            log.debug("%s crashed", name, exc_info=True)
        await asyncio.sleep(rest)


async def every(seconds: float, once: Part) -> None:
    """Do it for ever, with that rest in between."""
    while True:
        await once()
        await asyncio.sleep(seconds)


async def cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel the tasks and wait until they have cleaned up."""
    cancelled = list(tasks)
    for task in cancelled:
        task.cancel()
    await asyncio.gather(*cancelled, return_exceptions=True)
