"""The section of the weekly report about feedback: the four quadrants, beside the week before, and what was done."""

from typing import TYPE_CHECKING

from community.insight.feedback import quadrants
from community.insight.figures import Cell, Column, Table

if TYPE_CHECKING:
    from community.insight.report_tables import Facts


async def feedback(facts: "Facts") -> list[Table]:
    """A line for each quadrant."""
    now = await quadrants(facts.conn, facts.playbook, facts.asked)
    before = await quadrants(facts.conn, facts.playbook, facts.asked.before())
    columns = [
        Column("quadrant", "word"),
        Column("people_there", "number", listed="feedback", of="members"),
        Column("week_before", "number", listed="feedback", of="members", back=1),
        Column("tasks", "number", listed="feedback", of="opened"),
        Column("done", "number", listed="feedback", of="done"),
    ]
    rows: list[list[Cell]] = [
        [str(each), of.members, before[each].members, of.opened, of.done] for each, of in now.items()
    ]
    return [Table("quadrants", columns, rows, keys=[str(each) for each in now])]
