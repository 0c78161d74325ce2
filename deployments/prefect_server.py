"""Prefect on SQLite under load: `python -m deployments.prefect_server MODULE …` instead of `python -m MODULE …`.

Three habits of Prefect 3.8 are mended for this process: two that showed once in a dozen runs on a busy machine, and one
that takes 7 % of its time.
"""

import gc
import itertools
import runpy
import sys
import time
from contextlib import AbstractAsyncContextManager
from threading import Thread
from typing import TYPE_CHECKING, Any

from deployments.zones import remember_zones

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

EVERY_S = 1.0
"""Between collections of what is new, which take milliseconds."""
ALL_EVERY = 120
"""Every so many collections look at everything, which takes up to a second of everybody's time."""


def wait_for_the_lock() -> None:
    """Let every transaction that may write take SQLite's write lock at its start, and wait for it there.

    Prefect's begin by reading; when somebody has written meanwhile, their first write is refused at once ("database is
    locked"), and the client repeats its call seconds later, or an event is lost to the automations.
    """
    from prefect.server.database.configurations import AioSqliteConfiguration

    begin = AioSqliteConfiguration.begin_transaction

    def begin_immediate(
        self: AioSqliteConfiguration, session: "AsyncSession", with_for_update: bool = False
    ) -> AbstractAsyncContextManager[Any]:
        return begin(self, session, with_for_update=True)

    AioSqliteConfiguration.begin_transaction = begin_immediate  # type: ignore[assignment, method-assign]


def collect_aside() -> None:
    """Collect garbage in a thread of its own, for ever.

    Collecting closes statements that were left in garbage, and each waits for its connection. If that one waits for the
    write lock, whose holder waits for the event loop, and the collection happens on the loop or in a thread that the
    loop is just starting, nothing moves until SQLite's busy time-out of 60 s (seen in native stacks, aiosqlite 0.22).
    """
    gc.disable()
    for number in itertools.count(1):
        time.sleep(EVERY_S)
        gc.collect(1 if number % ALL_EVERY else 2)


if __name__ == "__main__":
    wait_for_the_lock()
    remember_zones()
    Thread(target=collect_aside, name="garbage", daemon=True).start()
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
