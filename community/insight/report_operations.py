"""The sections of the weekly report about the work itself: what went wrong, and what operators did by hand."""

from typing import TYPE_CHECKING

from community.database.queries import load
from community.insight.figures import Cell, Column, Table

if TYPE_CHECKING:
    from community.insight.report_tables import Facts

queries = load(__file__, "report.sql")

MOST_ROWS = 20


async def incidents(facts: "Facts") -> list[Table]:
    """What staff were alerted to, and how it ended: over, or going on when the window did."""
    rows: list[list[Cell]] = [
        [
            row["what"],
            row["place"],
            row["since_at"].isoformat(),
            row["last_at"].isoformat(),
            "told" if row["told_at"] else "not_told",
        ]
        for row in await facts.rows(queries.incidents)
    ]
    columns = [Column("what", "text"), Column("where", "text"), Column("first", "moment"),
               Column("last", "moment"), Column("staff", "word")]  # fmt: skip
    return [Table("incidents", columns, rows[:MOST_ROWS], more=max(0, len(rows) - MOST_ROWS))]


async def load_of_operators(facts: "Facts") -> list[Table]:
    """Groups, members and open tasks; and what each operator did by hand."""
    (row,) = await facts.rows(queries.load)
    members = facts.counted.value("active_rate", facts.asked.since)
    totals: list[list[Cell]] = [
        ["groups", row["groups"]],
        ["members", members.base if members else None],
        ["open", row["open"]],
        ["late", row["late"]],
    ]
    each = facts.playbook.insight.task_minutes * 60
    operators: list[list[Cell]] = [
        [row["operator"], row["done"], row["late"], row["done"] * each] for row in await facts.rows(queries.by_operator)
    ]
    columns = [Column("operator", "text"), Column("done", "number"), Column("late", "number"),
               Column("hand_work", "seconds")]  # fmt: skip
    return [Table("load", [Column("what", "word"), Column("count", "number")], totals),
            Table("operators", columns, operators)]  # fmt: skip
