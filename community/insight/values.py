"""What is counted of a KPI: its number in a window, a series of them, and the rows behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median
from typing import Any

from psycopg import AsyncCursor

from community.database.pool import Connection
from community.database.queries import load
from community.insight.definitions import parameters, rows_of, source_of
from community.insight.windows import Window
from community.kpis import KPIS, Derived, Measure
from community.playbook import Playbook

queries = load(__file__, "values.sql")

SMALL = 30
"""A share of fewer than so many is marked as small: chance moves it by more than what is to be seen in it."""


@dataclass(frozen=True, slots=True)
class Value:
    """A KPI in one window, of one part, group or source, in one currency."""

    kpi: str
    since: date
    hits: int = 0
    base: int = 0
    minor: int = 0
    currency: str = ""
    part: str = ""
    group_id: int = 0
    source: str = ""
    middle_s: float | None = None
    high_s: float | None = None

    @property
    def number(self) -> float | None:
        """Its number; money in the smallest unit. None: there is nothing that it could be of."""
        match KPIS[self.kpi].measure:
            case Measure.number:
                return self.hits
            case Measure.share:
                return self.hits / self.base if self.base else None
            case Measure.money | Measure.total:
                return self.minor
            case Measure.money_each:
                return self.minor / self.hits if self.hits else None
            case Measure.seconds:
                return self.middle_s

    @property
    def small(self) -> bool:
        """Whether its number is a share, a mean or a median of very few."""
        if self.number is None:
            return False
        match KPIS[self.kpi].measure:
            case Measure.share | Measure.seconds:
                return self.base < SMALL
            case Measure.money_each:
                return self.hits < SMALL
            case _:
                return False


async def every(conn: Connection, asked: Window, *, group_id: int = 0, source: str = "") -> dict[str, list[Value]]:
    """All that is counted in that window, by KPI: of everything, or one group, or one source; a value a currency."""
    of = {"span": asked.span, "since": asked.since, "group_id": group_id, "source": source}
    found: dict[str, list[Value]] = {}
    for row in await (await conn.execute(queries.every, of)).fetchall():
        found.setdefault(row["kpi"], []).append(Value(**row))
    return found


def divided(kpi: Derived, values: Mapping[str, list[Value]]) -> dict[str, float]:
    """A KPI made of two others, by the currency of the upper one; nothing where there is nothing to divide by."""
    below = {each.currency: each for each in values.get(kpi.below, ())}
    return {
        each.currency: number
        for each in values.get(kpi.above, ())
        if (number := quotient(each, below.get(each.currency, below.get("")))) is not None
    }


def quotient(above: Value | None, below: Value | None) -> float | None:
    """One number divided by another; None: there is nothing to divide, or to divide by."""
    if above is None or below is None or above.number is None or not below.number:
        return None
    return above.number / below.number


def together(values: Sequence[Value]) -> Value:
    """Of the same KPI and currency, what no two of them count: steps of a stage, windows; of medians, their median."""
    seconds = [value.middle_s for value in values if value.middle_s is not None]
    return Value(
        values[0].kpi,
        values[0].since,
        sum(value.hits for value in values),
        sum(value.base for value in values),
        sum(value.minor for value in values),
        values[0].currency,
        middle_s=median(seconds) if seconds else None,
    )


async def by(conn: Connection, kpi: str, asked: Window, dimension: str) -> list[Value]:
    """The KPI in that window, by `group_id`, `source` or `part`; the largest first."""
    text = {"group_id": queries.by_group, "source": queries.by_source, "part": queries.by_part}[dimension]
    rows = await (await conn.execute(text, {"kpi": kpi, "span": asked.span, "since": asked.since})).fetchall()
    return [Value(**row) for row in rows]


async def behind(
    conn: Connection,
    playbook: Playbook,
    kpi: str,
    asked: Window,
    *,
    part: str = "",
    group_id: int = 0,
    source: str = "",
    limit: int = 1000,
    offset: int = 0,
    now_at: datetime | None = None,
) -> AsyncCursor[dict[str, Any]]:
    """The rows that the KPI counts in that window: what its number is made of. Of all, or one part, group or source."""
    text = queries.fill("rows", rows=rows_of(kpi), source=source_of(kpi))
    of = {"part": part, "group_id": group_id, "source": source, "limit": limit, "offset": offset}
    values = {**parameters(playbook, asked, now_at), **of}
    return await conn.execute(text, values)


async def rows(conn: Connection, playbook: Playbook, kpi: str, asked: Window, **of: Any) -> list[dict[str, Any]]:
    """All of these (`behind`) at once."""
    return await (await behind(conn, playbook, kpi, asked, **of)).fetchall()
