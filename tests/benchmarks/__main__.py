"""`make bench [ONLY=row]`: measure, print one table, write `.bench/results.json`; exit 1 when a row falls short."""

import argparse
import importlib
import sys

import uvloop

from tests.benchmarks.harness import Row, report

_ITSELF = (
    "delivery",
    "limits",
    "planning",
    "join",
    "kill",
    "priority",
    "gate",
    "updates",
    "restore",
    "stages",
    "backfill",
    "replay",
    "interleavings",
    "callback",
    "histories",
    "mrr",
    "experiments",
)
ROWS = {name: name for name in _ITSELF} | {
    "planning-hard": "planning:run_hard",
    "import": "history",
    "import-1gb": "history:run_large",
    "sandbox-calls": "sandbox:run_calls",
    "sandbox-size": "sandbox:run_size",
    "sandbox-start": "sandbox:run_start",
    "sandbox-page": "page",
    "callback-offline": "callback:run_offline",
    "callbacks-stored": "callbacks",
    "forged": "callbacks:run_forged",
    "rollup": "figures",
    "weekly": "figures:run_weekly",
}
"""Rows and what measures them: a module, and its function if that is not `run`."""


def main() -> int:
    """Run the rows asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"which to run: {', '.join(ROWS)}; all without")
    arguments = parser.parse_args()
    rows: list[Row] = []
    for name in arguments.rows or ROWS:
        print(f"{name} …", flush=True)
        module, _, function = ROWS[name].partition(":")
        measure = getattr(importlib.import_module(f"tests.benchmarks.{module}"), function or "run")
        rows.append(uvloop.run(measure()))
    report(rows)
    return 0 if all(row.passed for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
