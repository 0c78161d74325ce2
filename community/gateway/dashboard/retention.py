"""The cohort triangle: of those who came in one week, how many were still there in each later one."""

from dataclasses import dataclass
from datetime import timedelta

from community.gateway.dashboard.look import Context, Look
from community.insight.cohorts import Cohort, triangle
from community.insight.numbers import percent
from community.insight.values import SMALL
from community.insight.windows import Span, window

MOST_WEEKS = 26


@dataclass(frozen=True, slots=True)
class Cell:
    """A share of a cohort, and how strongly it is coloured, 0 to 9."""

    text: str
    heat: int
    members: int
    address: str
    """Who they were."""


@dataclass(frozen=True, slots=True)
class Row:
    """A cohort. `cells`: of the weeks that are over."""

    label: str
    size: int
    small: bool
    address: str
    """Who they are."""
    cells: list[Cell]


async def show(look: Look) -> Context:
    """The cohorts of the weeks asked for, at most half a year of them."""
    last = window(Span.week, look.asked.until - timedelta(days=1), look.asked.zone)
    first = max(window(Span.week, look.asked.since, last.zone).since, last.since - timedelta(weeks=MOST_WEEKS - 1))
    cohorts = await triangle(look.conn, first, last.until, last.zone, look.asked.source)
    rows = [_row(look, cohort) for cohort in cohorts]
    return {"rows": rows, "weeks": list(range(max((len(row.cells) for row in rows), default=0)))}


def _row(look: Look, cohort: Cohort) -> Row:
    week = window(Span.week, cohort.entered, look.asked.zone)
    this_week = look.asked.today - timedelta(days=look.asked.today.weekday())
    over = min((this_week - cohort.entered).days // 7, MOST_WEEKS)
    cells = [_cell(look, cohort, number) for number in range(over)] if cohort.size else []
    days = {"preset": None, "from": week.since, "to": week.until - timedelta(days=1)}
    address = look.kpi_address("new_members/rows", **days, span=None, group=None)
    return Row(look.day(cohort.entered), cohort.size, cohort.size < SMALL, address, cells)


def _cell(look: Look, cohort: Cohort, week: int) -> Cell:
    active = cohort.active.get(week, 0)
    share = min(active / cohort.size, 1.0)
    address = look.asked.address(f"/dashboard/cohorts/{cohort.entered}/rows", week=week, span=None, group=None)
    return Cell(percent(share), min(int(share * 10), 9), active, address)
