"""`make chaos [ONLY=row]`: break it, print one table, write `.bench/chaos.json`; exit 1 when an invariant is broken."""

import argparse
import sys

import uvloop

from tests.chaos import database, payments, processes, telegram
from tests.chaos.covered import TESTS, covered
from tests.chaos.verdict import Row, document, keep, report

MEASURED = processes.ROWS | database.ROWS | telegram.ROWS | payments.ROWS
ROWS = (*MEASURED, *TESTS)


async def _run(name: str, size: int, seconds: float) -> Row:
    """One row. What breaks the measuring itself breaks the row, and no other."""
    try:
        return await (covered(name) if name in TESTS else MEASURED[name](size, seconds))
    except Exception as error:
        return Row(name, "", "", broken=[f"not measured: {type(error).__name__}: {error}"])


def main() -> int:
    """Run the rows asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"which to run: {', '.join(ROWS)}; all without")
    parser.add_argument("--size", type=int, default=2_000, help="transactional messages, and as many promotional ones")
    parser.add_argument("--seconds", type=float, default=30, help="how long a fault lasts that can last")
    parser.add_argument("--document", action="store_true", help="write docs/chaos.md from the newest results")
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    rows = []
    for name in arguments.rows or ROWS:
        print(f"{name} …", flush=True)
        rows.append(uvloop.run(_run(name, arguments.size, arguments.seconds)))
        keep(rows[-1])
    report(rows)
    if arguments.document:
        document(ROWS)
    return 1 if any(row.broken for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
