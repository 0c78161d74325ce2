"""The cohort triangle: of those who came in one week, how many were still there in each later one."""

from dataclasses import dataclass
from datetime import timedelta

from community.gateway.dashboard.look import Context, Look
from community.gateway.dashboard.shown import percent
from community.insight.cohorts import Cohort, triangle
from community.insight.values import SMALL
from community.insight.windows import Span, window

MOST_WEEKS = 26


@dataclass(frozen=True, slots=True)
class Cell:
    """A share of a cohort, and how strongly it is coloured, 0 to 9."""

    text: str
    heat: int
    members: int


@dataclass(frozen=True, slots=True)
class Row:
    """A cohort. `cells`: None for a week that is not over, or was not counted."""

    label: str
    size: int
    small: bool
    cells: list[Cell | None]


async def show(look: Look) -> Context:
    """The cohorts of the weeks asked for, at most half a year of them."""
    last = window(Span.week, look.asked.until - timedelta(days=1), look.asked.zone)
    first = max(window(Span.week, look.asked.since, last.zone).since, last.since - timedelta(weeks=MOST_WEEKS - 1))
    cohorts = await triangle(look.conn, first, last.until, last.zone, look.asked.source)
    weeks = max((week for cohort in cohorts for week in cohort.active), default=-1) + 1
    weeks = min(weeks, MOST_WEEKS)
    return {"rows": [_row(look, cohort, weeks) for cohort in cohorts], "weeks": list(range(weeks))}


def _row(look: Look, cohort: Cohort, weeks: int) -> Row:
    week = window(Span.week, cohort.entered, look.asked.zone)
    this_week = look.asked.today - timedelta(days=look.asked.today.weekday())
    cells: list[Cell | None] = []
    for number in range(weeks):
        begun = cohort.entered + timedelta(weeks=number)
        over = begun < this_week
        active = cohort.active.get(number, 0)
        share = min(active / cohort.size, 1.0) if cohort.size else 0.0
        cells.append(Cell(percent(share), min(int(share * 10), 9), active) if over and cohort.size else None)
    return Row(look.window(week), cohort.size, cohort.size < SMALL, cells)
