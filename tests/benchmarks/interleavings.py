"""Row `interleavings`: hypothesis chooses what follows what, on a real PostgreSQL; plain Python judges each message.

Members come, speak, buy, are refunded, opt out, move to other zones, block; live sessions are added, moved, called off;
planners run late, again, at once with others; backfills and large sends are proposed, approved, cancelled; senders are
killed. The walks are others every time.
"""

import asyncio
import time
import traceback

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.benchmarks.harness import Row, database
from tests.interleavings.engine import Engine, Tally
from tests.interleavings.machine import Interleavings

EXAMPLES, STEPS = 1_000, 60
TARGET = "no promise broken"


async def run() -> Row:
    """Row `interleavings`."""
    with database(durable=False) as url:
        began = time.perf_counter()
        tally, failure = await asyncio.to_thread(walk, url, EXAMPLES, STEPS)
        seconds = time.perf_counter() - began
    if failure:
        print(failure, flush=True)
    details: dict[str, float | int | str] = {
        "examples": tally.examples,
        "steps": tally.steps.total(),
        "messages": tally.messages.total(),
        **{f"messages of {stage}": number for stage, number in sorted(tally.messages.items())},
        **{f"steps: {step}": number for step, number in tally.steps.most_common()},
        "seconds": round(seconds),
    }
    passed = not failure and tally.examples >= EXAMPLES and tally.messages.total() > EXAMPLES
    return Row("interleavings", float(bool(failure)), "broken", {}, None, TARGET, passed, details)


def walk(url: str, examples: int, steps: int) -> tuple[Tally, str]:
    """Walk so many times so many steps; what was done, and the shortest walk that breaks something, if there is one."""
    engine = Engine(url)

    class Walk(Interleavings):
        """On this database."""

    Walk.engine = engine
    chosen = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink], report_multiple_bugs=False,
    )  # fmt: skip
    try:
        run_state_machine_as_test(Walk, settings=chosen)
    except Exception:
        return engine.tally, traceback.format_exc()
    finally:
        engine.close()
    return engine.tally, ""
