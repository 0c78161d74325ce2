"""Anything after anything: a short walk, always the same, of what `make bench ONLY=interleavings` walks at length."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.interleavings.engine import Engine
from tests.interleavings.machine import Interleavings

EXAMPLES, STEPS = 25, 30


def test_no_promise_is_broken_whatever_follows_whatever(database_url: str) -> None:
    engine = Engine(database_url)

    class Walk(Interleavings):
        """On this database."""

    Walk.engine = engine
    walk = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    try:
        run_state_machine_as_test(Walk, settings=walk)
    finally:
        engine.close()
    assert engine.tally.messages.total() > EXAMPLES
