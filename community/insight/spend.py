"""What advertising cost, from CSV: checked line by line, brought in whole or not at all; a newer list replaces."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Self

from psycopg import Rollback
from pydantic import BaseModel, ConfigDict, Field, model_validator

from community.activity.counted import keep_counter_out, mark_late_days
from community.database.pool import Connection
from community.database.queries import load
from community.members.lists import read_list
from community.playbook_types import Amount, parse_money

queries = load(__file__, "spend.sql")

Count = Annotated[int, Field(ge=0, lt=2**53)]
Day = Annotated[date, Field(ge=date(2000, 1, 1), lt=date(2100, 1, 1))]
Name = Annotated[str, Field(max_length=255)]


class SpendLine(BaseModel):
    """A line of the list: what one place, or one campaign there, cost on a day. Columns not given are nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: Day
    source: Name
    campaign: Name = ""
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    spent: str
    impressions: Count = 0
    clicks: Count = 0

    @model_validator(mode="after")
    def _is_money(self) -> Self:
        _ = self.amount
        return self

    @property
    def amount(self) -> Amount:
        """What was spent. Raises ValueError saying how to write it."""
        return parse_money(f"{self.spent} {self.currency}")

    def named(self) -> tuple[tuple[date, str, str, str], str]:
        """What is replaced by a newer list, and how it is called."""
        name = f"{self.source} {self.campaign} on {self.day} in {self.currency}"
        return (self.day, self.source, self.campaign, self.currency), name


@dataclass(frozen=True, slots=True)
class SpendList:
    """A list as read: its lines, and what is wrong with it by line of the file."""

    lines: list[SpendLine]
    problems: list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class SpendBroughtIn:
    """What a list brings, or brought."""

    added: int
    replaced: int
    same: int


def read_spend(path: Path) -> SpendList:
    """Read and check the list. Raises ImportRefused when the file is no CSV with a column `day`."""
    read = read_list(path, SpendLine, ["day"], named=SpendLine.named)
    return SpendList([line for _, line in read.lines], read.problems)


async def bring_in_spend(conn: Connection, lines: Sequence[SpendLine], *, apply: bool) -> SpendBroughtIn:
    """Bring the list in, in one transaction; without `apply` all is undone, and the outcome is what it would be."""
    outcome = SpendBroughtIn(0, 0, 0)
    async with conn.transaction():
        await keep_counter_out(conn)
        rows = await (await conn.execute(queries.bring_in, _columns(lines))).fetchall()
        await mark_late_days(conn, {row["day"] for row in rows})
        added = sum(row["added"] for row in rows)
        outcome = SpendBroughtIn(added, len(rows) - added, len(lines) - len(rows))
        if not apply:
            raise Rollback
    return outcome


def _columns(lines: Sequence[SpendLine]) -> dict[str, list[object]]:
    names = ("day", "source", "campaign", "currency", "impressions", "clicks")
    columns = {name: [getattr(line, name) for line in lines] for name in names}
    return columns | {"spent_minor": [line.amount.minor for line in lines]}
