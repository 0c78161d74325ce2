"""The triangle of retention: of those who entered in one week, how many were there in each later one."""

from collections.abc import Collection
from datetime import date
from typing import LiteralString, NamedTuple

from community.database.pool import Connection
from community.database.queries import load
from community.insight.definitions import fragments
from community.insight.listed import Listed
from community.insight.windows import Window

queries = load(__file__, "cohorts.sql")


class Cohort(NamedTuple):
    """Who entered in the week from `entered` on: how many, and how many of them were there in each week since."""

    entered: date
    size: int
    active: dict[int, int]
    """Weeks after entering (0: the same) → members with a sign of life in that week."""


async def count_cohorts(conn: Connection, week: Window, activity: Collection[str]) -> None:
    """Who showed one of these signs in that week, by the week in which they had entered, and by source."""
    values = {"since_day": week.since, "until_day": week.until, "until": week.until_at, "zone": week.zone}
    await conn.execute(queries.forget, values)
    await conn.execute(queries.fill("count", there=_there("true")), {**values, "activity": list(activity)})


def rows_of_cell(entered: date, week: Window, activity: Collection[str], source: str = "") -> Listed:
    """Who of those that entered in the week from `entered` on was there in that week; of one source, or all."""
    values = {"since_day": week.since, "until_day": week.until, "until": week.until_at, "zone": week.zone}
    asked = {"entered": entered, "activity": list(activity), "source": source}
    return Listed(queries.fill("rows", there=_there(queries.of_one_week)), {**values, **asked})


def _there(whose: LiteralString) -> LiteralString:
    return queries.fill("there", shows=fragments.shows, whose=whose)


async def triangle(conn: Connection, since: date, until: date, zone: str, source: str = "") -> list[Cohort]:
    """The cohorts of the weeks from `since` to before `until` (Mondays), the oldest first; of one source, or all."""
    values = {"since": since, "until": until, "zone": zone, "source": source}
    rows = await (await conn.execute(queries.triangle, values)).fetchall()
    return [Cohort(row["entered"], row["size"], dict(zip(row["weeks"], row["active"], strict=True))) for row in rows]
