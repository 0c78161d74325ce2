"""What is not as it should be (SOP 1.39, 2.12): the playbook's watches, held against what is counted.

Each finding names the number, what it is held against, and the SOP's remedy.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

from community.database.pool import Connection
from community.database.queries import load
from community.insight.chance import p_of_change
from community.insight.values import Value, together
from community.insight.windows import Span, Window, trend, window
from community.kpis import KPIS
from community.playbook import Playbook
from community.playbook_insight import Watch

queries = load(__file__, "diagnosis.sql")

PAST = 4
"""Windows that make up what is usual."""
ENOUGH = 3
"""Of these so many must be known."""
SURE = 0.01
"""A fall or rise that chance makes more often than this is none."""

Of = tuple[str, int, str]
"""Of what a figure is: part, group and currency; '' and 0: all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A figure that is not as it should be: of which window, of what, held against what."""

    rule: str
    kpi: str
    span: Span
    since: date
    number: float
    threshold: float
    usual: float | None
    """What it was held against, if that was its own past."""
    low: bool
    """It is below the threshold; else above."""
    of: int
    """What its number is of: members, messages …"""
    remedy: str
    part: str = ""
    group_id: int = 0
    currency: str = ""

    @property
    def subject(self) -> str:
        """By what it is known while it lasts."""
        of = self.part or (str(self.group_id) if self.group_id else "")
        return ":".join(each for each in (self.rule, of, self.currency) if each)


@dataclass(frozen=True, slots=True)
class Course:
    """How a finding's figure went up to it: the first days of its windows, the oldest first, and its numbers."""

    since: list[date]
    numbers: list[float | None]


async def diagnose(
    conn: Connection, playbook: Playbook, day: date, spans: Sequence[Span] = tuple(Span)
) -> list[Finding]:
    """All findings as the day begins: of the day before it, and the last whole week and month."""
    found: list[Finding] = []
    for rule, watch in playbook.insight.watch.items():
        if Span(watch.over) in spans:
            found += await _look(conn, playbook.community.zone, day, rule, watch)
    return found


async def course(conn: Connection, zone: str, found: Finding) -> Course:
    """How the figure came there; None: nothing was counted then, or its group was not known yet."""
    windows = trend(window(found.span, found.since, zone))
    of = found.part, found.group_id, found.currency
    counted = await _counted(conn, windows)
    days, each = [one.since for one in counted], "group" if found.group_id else "part" if found.part else "all"
    known = (await _series(conn, found.kpi, found.span, days, each)).get(of, {})
    since = await _registered(conn) if found.group_id else {}
    values = _with_none(found.kpi, of, known, counted, since.get(found.group_id))
    numbers = {day: value.number for day, value in values.items()}
    first_days = [one.since for one in windows]
    return Course(first_days, [numbers.get(day) for day in first_days])


def last_whole(span: Span, day: date, zone: str) -> Window:
    """The newest window that is over as the day begins."""
    return window(span, day, zone).before()


async def _look(conn: Connection, zone: str, day: date, rule: str, watch: Watch) -> list[Finding]:
    newest = last_whole(Span(watch.over), day, zone)
    windows = await _counted(conn, [newest, *_past(newest)])
    days = [each.since for each in windows]
    series = await _series(conn, watch.kpi, Span(watch.over), days, watch.each)
    since = await _registered(conn) if watch.each == "group" else {}
    judged = (
        _judge(rule, watch, newest.since, of, _with_none(watch.kpi, of, known, windows, since.get(of[1])))
        for of, known in series.items()
    )
    return [finding for finding in judged if finding]


async def _counted(conn: Connection, windows: Sequence[Window]) -> list[Window]:
    """Those of the windows that are counted."""
    days = [each.since for each in windows]
    values = {"kpis": list(KPIS), "span": windows[0].span, "days": days}
    found = {row["since"] for row in await (await conn.execute(queries.counted, values)).fetchall()}
    return [each for each in windows if each.since in found]


async def _series(
    conn: Connection, kpi: str, span: Span, days: Sequence[date], each: str
) -> dict[Of, dict[date, Value]]:
    """What is counted in the windows: of everything, or each group or part; in each currency."""
    values = {"kpi": kpi, "span": span, "days": list(days), "each": each}
    series: dict[Of, dict[date, Value]] = {}
    for row in await (await conn.execute(queries.watched, values)).fetchall():
        value = Value(**row)
        series.setdefault((value.part, value.group_id, value.currency), {})[value.since] = value
    return series


async def _registered(conn: Connection) -> dict[int, datetime]:
    """Since when each group is known."""
    rows = await (await conn.execute(queries.registered)).fetchall()
    return {row["id"]: row["registered_at"] for row in rows}


def _with_none(
    kpi: str, of: Of, known: dict[date, Value], windows: Sequence[Window], since_at: datetime | None
) -> dict[date, Value]:
    """Its windows, those too in which nothing happened; of a group since it is known, as it was not quiet before."""
    part, group_id, currency = of
    return {
        each.since: Value(kpi, each.since, currency=currency, part=part, group_id=group_id)
        for each in windows
        if not group_id or (since_at and since_at <= each.since_at)
    } | known


def _past(newest: Window) -> Iterator[Window]:
    """The windows before it: of days those of the same weekday, as weeks have their rhythm."""
    for back in range(1, PAST + 1):
        if newest.span is Span.day:
            yield window(Span.day, newest.since - timedelta(days=7 * back), newest.zone)
        else:
            yield newest.before(back)


def _judge(rule: str, watch: Watch, since: date, of: Of, known: dict[date, Value]) -> Finding | None:
    part, group_id, currency = of
    now = known.get(since)
    if now is None:
        return None
    held = _fixed(watch, now) if watch.threshold else _own(watch, now, [v for d, v in known.items() if d != since])
    if now.number is None or held is None:
        return None
    threshold, usual, low = held
    if now.number >= threshold if low else now.number <= threshold:
        return None
    return Finding(rule, watch.kpi, Span(watch.over), since, now.number, threshold, usual, low, _of(now),
                   watch.remedy, part, group_id, currency)  # fmt: skip


def _fixed(watch: Watch, now: Value) -> tuple[float, float | None, bool] | None:
    goal = watch.threshold
    if goal is None or goal.currency != now.currency or _of(now) < watch.least:
        return None
    return goal.number, None, watch.below is not None


def _own(watch: Watch, now: Value, past: Sequence[Value]) -> tuple[float, float | None, bool] | None:
    """Held against its own past; None: there is too little of it, or chance explains the difference."""
    known = [value.number for value in past if value.number is not None]
    if len(known) < ENOUGH or max(_of(now), int(median(map(_of, past)))) < watch.least:
        return None
    chance = p_of_change(now, together(past), 1 / len(past))
    if chance is not None and chance > SURE:
        return None
    usual, low = median(known), watch.falls is not None
    by = -(watch.falls or 0) if low else watch.rises or 0
    return usual * (1 + by / 100), usual, low


def _of(value: Value) -> int:
    """What its number is of; the number itself if it is one."""
    match KPIS[value.kpi].unit:
        case "share" | "seconds":
            return value.base
        case "money":
            return value.hits
        case _:
            return round(value.number or 0)
