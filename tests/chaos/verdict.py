"""What must hold whatever broke: the sandbox's record of what people received against the outbox."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from community.database.pool import Connection
from community.sandbox.client import SandboxClient
from tests.benchmarks.harness import count, machine

ROOT = Path(__file__).parents[2]
RESULTS, GUIDE = ROOT / ".bench" / "chaos.json", ROOT / "docs" / "chaos.md"
HEAD = """# What was broken on purpose

Written by `make chaos ARGS=--document` ({machine}). Numbers in *guards* are those of
[what always holds](invariants.md). What an operator sees and does:
[When something breaks](operators.md#when-something-breaks).

| fault | guards | normal again | measured | |
|---|---|---|---|---|
"""


@dataclass
class Row:
    """A fault, the invariants it guards, and what was measured. `broken` names what did not hold."""

    name: str
    fault: str
    guards: str
    normal_again_s: float | None = None
    """Seconds from the end of the fault until nothing was waiting any more."""
    figures: dict[str, float | int | str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    skipped: str = ""

    def must(self, holds: bool, what: str) -> None:
        """Note what did not hold."""
        if not holds:
            self.broken.append(what)

    def none(self, what: str, number: int) -> None:
        """A figure that must be zero."""
        self.figures[what] = number
        self.must(number == 0, f"{what}: {number}")


async def settled(conn: Connection, bot_id: int, within_s: float) -> bool:
    """Wait until every update and every message of this hour has its end; False when the time is up."""
    undone = (
        f"SELECT (SELECT count(*) FROM messages WHERE bot_id = {bot_id} AND state IN ('waiting', 'sending')"
        " AND due_at < clock_timestamp() + interval '1 hour')"
        f" + (SELECT count(*) FROM updates WHERE bot_id = {bot_id} AND state = 'pending') AS n"
    )
    until = time.monotonic() + within_s
    while await count(conn, undone):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.1)
    return True


async def received(client: SandboxClient, button: str = "") -> Counter[int]:
    """Chat → messages that people received there; only those with a button whose data begins so."""
    chats: Counter[int] = Counter()
    page = await client.delivered()
    while page["messages"]:
        chats.update(message["chat_id"] for message in page["messages"] if _has(message, button))
        page = await client.delivered(after=page["next"])
    return chats


def _has(message: dict[str, Any], button: str) -> bool:
    return not button or any(each.get("callback_data", "").startswith(button) for each in message["buttons"])


async def judge(row: Row, conn: Connection, got: Counter[int], stage: str) -> None:
    """Compare the load's messages, each to a chat of its own, with what arrived."""
    told: Counter[str] = Counter()
    async for message in await conn.execute(
        "SELECT chat_id, promotional, state, reason FROM messages WHERE stage = %s", [stage]
    ):
        times, kind = got[message["chat_id"]], "promotional" if message["promotional"] else "transactional"
        told[f"{kind} {message['state']}"] += 1
        told[f"{kind} twice"] += times > 1
        told["said sent, not received"] += message["state"] == "sent" and times == 0
        told["transactional lost"] += not message["promotional"] and times == 0
        told["without a reason"] += message["state"] != "sent" and not message["reason"]
    for what in ("promotional twice", "transactional lost", "said sent, not received", "without a reason"):
        row.none(what, told.pop(what, 0))
    row.figures |= {what: number for what, number in sorted(told.items()) if number}
    row.none("updates failed", await count(conn, "SELECT count(*) FROM updates WHERE state = 'failed'"))


def report(rows: list[Row]) -> None:
    """Print the table."""
    table = Table("fault", "guards", "normal again", "measured", "", title=machine(), show_lines=True)
    for row in rows:
        table.add_row(f"{row.name}: {row.fault}", row.guards, *_measured(row))
    Console(width=170).print(table)


def keep(row: Row) -> None:
    """Write the row into the results, beside those of rows that were run earlier."""
    RESULTS.parent.mkdir(exist_ok=True)
    known = {each.name: asdict(each) for each in [*results(), row]}
    RESULTS.write_bytes(orjson.dumps({"machine": machine(), "rows": known}, option=orjson.OPT_INDENT_2))


def results() -> list[Row]:
    """The newest result of each row that was ever run here."""
    known = orjson.loads(RESULTS.read_bytes()) if RESULTS.exists() else {"rows": {}}
    return [Row(**row) for row in known["rows"].values()]


def document(names: Iterable[str]) -> None:
    """Write the results into the guide, in that order."""
    found = {row.name: row for row in results()}
    lines = [
        f"| {row.fault} | {row.guards} | {' | '.join(_measured(row))} |" for name in names if (row := found.get(name))
    ]
    GUIDE.write_text(HEAD.format(machine=machine()) + "\n".join(lines) + "\n", encoding="utf-8")


def _measured(row: Row) -> tuple[str, str, str]:
    """Time until normal, figures, verdict."""
    again = "" if row.normal_again_s is None else f"{row.normal_again_s:.1f} s"
    figures = row.skipped or ", ".join(f"{name} {value}" for name, value in row.figures.items())
    return again, figures, "skipped" if row.skipped else "BROKEN: " + "; ".join(row.broken) if row.broken else "holds"
