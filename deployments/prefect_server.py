"""Prefect's command line, with garbage collected in a thread of its own: `python -m deployments.prefect_server …`.

A Prefect server on SQLite can lock itself up for a minute. Collecting garbage closes statements that were left in it,
and each waits for its connection; if that connection waits for SQLite's write lock, whose holder waits for the event
loop, and the collection happens on the loop or in a thread that the loop is just starting, nothing moves until SQLite's
busy time-out of 60 s. (Seen in native stacks of Prefect 3.8.8 with aiosqlite 0.22, once in a dozen runs on a busy
machine.) In a thread of its own the collection waits alone.
"""

import gc
import itertools
import runpy
import time
from threading import Thread

EVERY_S = 1.0
"""Between collections of what is new, which take milliseconds."""
ALL_EVERY = 120
"""Every so many collections look at everything, which takes up to a second of everybody's time."""


def collect() -> None:
    """Collect garbage now and then, for ever."""
    for number in itertools.count(1):
        time.sleep(EVERY_S)
        gc.collect(1 if number % ALL_EVERY else 2)


if __name__ == "__main__":
    gc.disable()
    Thread(target=collect, name="garbage", daemon=True).start()
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)
