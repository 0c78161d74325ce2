"""What is counted of a KPI: its number in a window, a series of them, and the rows behind it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from community.database.pool import Connection
from community.database.queries import load
from community.insight.definitions import parameters, rows_of, source_of
from community.insight.windows import Span, Window
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
        """Whether it is a share, a mean or a median of very few."""
        match KPIS[self.kpi].measure:
            case Measure.share | Measure.seconds:
                return self.base < SMALL
            case Measure.money_each:
                return self.hits < SMALL
            case _:
                return False


async def values_of(
    conn: Connection, kpi: str, span: Span, since: date, until: date, *, group_id: int = 0, source: str = ""
) -> list[Value]:
    """All that is counted of the KPI in the windows that begin from `since` to before `until`, in the order of time.

    Of everything (`part` empty) and each part, in each currency; or of one group, or one source, without parts.
    """
    values = {"kpi": kpi, "span": span, "since": since, "until": until, "group_id": group_id, "source": source}
    return [Value(**row) for row in await (await conn.execute(queries.values_of, values)).fetchall()]


async def every(conn: Connection, asked: Window, *, group_id: int = 0, source: str = "") -> dict[str, list[Value]]:
    """All that is counted in that window, by KPI: of everything, or one group, or one source; a value a currency."""
    of = {"span": asked.span, "since": asked.since, "group_id": group_id, "source": source}
    found: dict[str, list[Value]] = {}
    for row in await (await conn.execute(queries.every, of)).fetchall():
        found.setdefault(row["kpi"], []).append(Value(**row))
    return found


def divided(kpi: Derived, values: Mapping[str, list[Value]]) -> dict[str, float]:
    """A KPI made of two others, by the currency of the upper one; nothing where there is nothing to divide by."""
    below = {each.currency: each.number for each in values.get(kpi.below, ())}
    return {
        each.currency: each.number / divisor
        for each in values.get(kpi.above, ())
        if each.number is not None and (divisor := below.get(each.currency, below.get("")))
    }


async def by(conn: Connection, kpi: str, asked: Window, dimension: str) -> list[Value]:
    """The KPI in that window, by `group_id`, `source` or `part`; the largest first."""
    text = {"group_id": queries.by_group, "source": queries.by_source, "part": queries.by_part}[dimension]
    rows = await (await conn.execute(text, {"kpi": kpi, "span": asked.span, "since": asked.since})).fetchall()
    return [Value(**row) for row in rows]


async def rows(
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
) -> list[dict[str, Any]]:
    """The rows that the KPI counts in that window: what its number is made of. Of all, or one part, group or source."""
    text = queries.fill("rows", rows=rows_of(kpi), source=source_of(kpi))
    of = {"part": part, "group_id": group_id, "source": source, "limit": limit, "offset": offset}
    values = {**parameters(playbook, asked, now_at), **of}
    return await (await conn.execute(text, values)).fetchall()


def latest(values: list[Value]) -> Iterator[Value]:
    """Of a series the values of its last window."""
    return (value for value in values if value.since == values[-1].since)
