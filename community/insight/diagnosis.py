"""What is not as it should be (SOP 1.39, 2.12): the playbook's watches, held against what is counted.

Each finding names the number, what it is held against, and the SOP's remedy.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from community.database.pool import Connection
from community.database.queries import load
from community.insight.chance import p_of_change
from community.insight.values import Value
from community.insight.windows import Span, Window, window
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


async def diagnose(
    conn: Connection, playbook: Playbook, day: date, spans: Sequence[Span] = tuple(Span)
) -> list[Finding]:
    """All findings as the day begins: of the day before it, and the last whole week and month."""
    found: list[Finding] = []
    for rule, watch in playbook.insight.watch.items():
        if Span(watch.over) in spans:
            found += await _look(conn, playbook.community.zone, day, rule, watch)
    return found


def last_whole(span: Span, day: date, zone: str) -> Window:
    """The newest window that is over as the day begins."""
    return window(span, day, zone).before()


async def _look(conn: Connection, zone: str, day: date, rule: str, watch: Watch) -> list[Finding]:
    newest = last_whole(Span(watch.over), day, zone)
    past = list(_past(newest))
    days = [newest.since, *(each.since for each in past)]
    values = {"kpi": watch.kpi, "span": watch.over, "days": days, "each": watch.each}
    rows = await (await conn.execute(queries.watched, values)).fetchall()
    series: dict[tuple[str, int, str], dict[date, Value]] = {}
    for value in (Value(**row) for row in rows):
        series.setdefault((value.part, value.group_id, value.currency), {})[value.since] = value
    judged = (_judge(rule, watch, newest.since, of, known) for of, known in series.items())
    return [finding for finding in judged if finding]


def _past(newest: Window) -> Iterator[Window]:
    """The windows before it: of days those of the same weekday, as weeks have their rhythm."""
    for back in range(1, PAST + 1):
        if newest.span is Span.day:
            yield window(Span.day, newest.since - timedelta(days=7 * back), newest.zone)
        else:
            yield newest.before(back)


def _judge(rule: str, watch: Watch, since: date, of: tuple[str, int, str], known: dict[date, Value]) -> Finding | None:
    part, group_id, currency = of
    now = known.get(since) or Value(watch.kpi, since, currency=currency, part=part, group_id=group_id)
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
    chance = p_of_change(now, _together(past), 1 / len(past))
    if chance is not None and chance > SURE:
        return None
    usual, low = median(known), watch.falls is not None
    by = -(watch.falls or 0) if low else watch.rises or 0
    return usual * (1 + by / 100), usual, low


def _together(past: Iterable[Value]) -> Value:
    """What the windows of the past come to together; of medians, their median."""
    values = list(past)
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


def _of(value: Value) -> int:
    """What its number is of; the number itself if it is one."""
    match KPIS[value.kpi].unit:
        case "share" | "seconds":
            return value.base
        case "money":
            return value.hits
        case _:
            return round(value.number or 0)
