"""Rows whose fault a test of the suite strikes with: run as they are, so that the table is whole."""

import asyncio
import re
import subprocess
import sys
import time

from tests.benchmarks.harness import ROOT
from tests.chaos.verdict import Row

INTEGRATION = "tests/integration"
TESTS = {
    "pid": (
        "a stale pid file; a pid that another program has by now",
        "only our own processes are adopted or stopped",
        f"{INTEGRATION}/test_embedded.py::test_a_pid_reused_by_another_program_is_not_taken_for_the_server",
        f"{INTEGRATION}/test_embedded.py::test_a_killed_server_and_owner_are_recovered",
        "tests/e2e/test_stack.py::test_only_the_very_process_that_was_noted_counts_as_a_leftover",
    ),
    "prefect": (
        "the Prefect server not there, hung (SIGSTOP), stopped with the service",
        "8: members wait for nothing of Prefect; its runs are recorded when it is back",
        "tests/flows/test_prefect_away.py",
    ),
    "empty": (
        "the Prefect server has lost its deployments",
        "1, 10: no pause is lifted, nothing is lost, the remedy is named",
        "tests/flows/test_runs.py::test_an_empty_server_is_told_and_lifts_no_pause",
    ),
    "pollers": (
        "two pollers on one token: of ours, and another program's (409)",
        "one polls, the other takes over; a conflict is told and stops nothing",
        f"{INTEGRATION}/test_bot_live.py::test_two_pollers_and_a_leader_that_dies",
        f"{INTEGRATION}/test_bot_live.py::test_by_webhook_while_polling_is_refused",
    ),
    "clock": (
        "the clock jumps by an hour, there and back: the machine's, the database's",
        "4-6: nothing twice, nothing waits that hour, limits and leases follow",
        f"{INTEGRATION}/test_clock.py",
        f"{INTEGRATION}/test_installation.py",
    ),
}


async def covered(name: str) -> Row:
    """Run the tests of the row."""
    fault, guards, *tests = TESTS[name]
    row = Row(name, fault, guards)
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests]
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=False)
    passed = re.search(r"(\d+) passed", done.stdout)
    row.figures = {"tests passed": int(passed[1]) if passed else 0, "seconds": round(time.monotonic() - began)}
    row.must(done.returncode == 0, (done.stdout.strip().splitlines() or ["no output"])[-1][:200])
    return row
