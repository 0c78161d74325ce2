"""`make bench [ONLY=row]`: measure, print one table, write `.bench/results.json`; exit 1 when a row falls short."""

import argparse
import importlib
import sys

import uvloop

from tests.benchmarks.harness import Row, report

ROWS = {
    name: name for name in ("delivery", "limits", "planning", "join", "kill", "priority", "gate", "updates", "restore")
} | {"import": "history"}
"""Rows and the modules that measure them."""


def main() -> int:
    """Run the rows asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"which to run: {', '.join(ROWS)}; all without")
    arguments = parser.parse_args()
    rows: list[Row] = []
    for name in arguments.rows or ROWS:
        print(f"{name} …", flush=True)
        rows.append(uvloop.run(importlib.import_module(f"tests.benchmarks.{ROWS[name]}").run()))
    report(rows)
    return 0 if all(row.passed for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
