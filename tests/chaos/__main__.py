"""`make chaos [ONLY=row]`: break it, print one table, write `.bench/chaos.json`; exit 1 when an invariant is broken."""

import argparse
import sys

import uvloop

from tests.chaos import database, processes, telegram
from tests.chaos.verdict import report

ROWS = {**telegram.ROWS, **database.ROWS, **processes.ROWS}


def main() -> int:
    """Run the rows asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", choices=[*ROWS, []], help=f"which: {', '.join(ROWS)}")
    parser.add_argument("--size", type=int, default=2_000, help="transactional messages, and as many promotional ones")
    parser.add_argument("--seconds", type=float, default=30, help="how long a fault lasts that can last")
    arguments = parser.parse_args()
    rows = []
    for name in arguments.rows or ROWS:
        print(f"{name} …", flush=True)
        rows.append(uvloop.run(ROWS[name](arguments.size, arguments.seconds)))
    report(rows)
    return 1 if any(row.broken for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
