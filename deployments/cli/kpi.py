"""`sop kpi`."""

import asyncio
import csv
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from community.activity.counted import counted_before, late_days
from community.database.installation import sop_now
from community.database.pool import Connection
from community.errors import SopError
from community.groups.registry import present_groups
from community.insight.definitions import defined
from community.insight.measuring import measured
from community.insight.values import Value, by, divided, every, rows as rows_behind
from community.insight.windows import Span, Window, day_of, window
from community.kpis import DERIVED, KPIS
from community.playbook import Playbook
from community.playbook_types import Amount
from deployments.cli.output import console, local, print_table
from deployments.cli.session import Session, session
from tasks.words import age, count

ALL = ("KPI", "this", "before", "target", "of")
BY = ("", "number", "of")
ROWS = ("at", "member", "group", "source", "part", "counts", "amount", "takes")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which window, as typed, and of what."""

    day: str | None
    week: str | None
    month: str | None
    days: tuple[str, str] | None
    group: str | None
    source: str
    csv: bool

    def window(self, today: date, zone: str) -> Window:
        """The window; this week when none was typed. Raises SopError."""
        if self.days:
            first, last = (_date(text, option) for text, option in zip(self.days, ("--from", "--to"), strict=True))
            if last < first:
                raise SopError(f"--to: {last} is before {first}")
            return Window(None, first, last + timedelta(days=1), zone)
        for span, text in ((Span.day, self.day), (Span.month, self.month), (Span.week, self.week)):
            if text:
                return window(span, _date(text, f"--{span}"), zone)
        return window(Span.week, today, zone)


def show_all(asked: Asked) -> None:
    """Print every KPI."""
    asyncio.run(_all(asked))


def show_one(name: str, asked: Asked) -> None:
    """Print one KPI by all that it is told apart by. Raises SopError when there is none of that name."""
    asyncio.run(_one(name, asked))


def show_rows(name: str, asked: Asked, part: str, limit: int) -> None:
    """Print the rows that a KPI counts. Raises SopError when there is none of that name."""
    asyncio.run(_rows(name, asked, part, limit))


async def _all(asked: Asked) -> None:
    async with session() as s:
        playbook, wanted, group_id = await _where(s, asked)
        of: dict[str, Any] = {"group_id": group_id, "source": asked.source}
        now, before = await every(s.conn, wanted, **of), await every(s.conn, wanted.before(), **of)
        waits, today = await _waits(s.conn, playbook), day_of(await sop_now(s.conn), wanted.zone)
    lines = [_line(playbook, name, now, before) for name in [*filter(set(defined()).__contains__, KPIS), *DERIVED]]
    so_far = " so far" if wanted.until > today else ""
    _print(asked, f"{_title(wanted)}{so_far}, beside the one before", ALL, lines)
    _say(asked, waits)


async def _one(name: str, asked: Asked) -> None:
    _known(name)
    async with session() as s:
        playbook, wanted, group_id = await _where(s, asked)
        if wanted.span is None:
            found = await measured(s.conn, playbook, name, wanted, await sop_now(s.conn))
        else:
            whole = (await every(s.conn, wanted)).get(name, [])
            found = [
                *whole,
                *[v for kind in ("part", "group_id", "source") for v in await by(s.conn, name, wanted, kind)],
            ]
        titles = {group.id: group.title for group in await present_groups(s.conn)}
        waits = await _waits(s.conn, playbook)
    chosen = [v for v in found if _chosen(v, group_id, asked.source)]
    _print(asked, f"{name}, {_title(wanted)}", BY, [(_name(v, titles), number(v), _of(v)) for v in chosen])
    if not chosen:
        _say(asked, [f"{name}, {_title(wanted)}: nothing."])
    _say(asked, waits)


async def _rows(name: str, asked: Asked, part: str, limit: int) -> None:
    _known(name)
    async with session() as s:
        playbook, wanted, group_id = await _where(s, asked)
        of: dict[str, Any] = {"part": part, "group_id": group_id, "source": asked.source, "limit": limit}
        now_at = await sop_now(s.conn)
        found = await rows_behind(s.conn, playbook, name, wanted, now_at=now_at, **of)
    lines = [
        (
            local(row["at"], wanted.zone),
            row["member_id"],
            row["group_id"],
            row["source"],
            row["part"],
            "yes" if row["hit"] else "no",
            _amount(name, row["minor"], row["currency"]),
            None if row["seconds"] is None else age(timedelta(seconds=row["seconds"])),
        )
        for row in found
    ]
    _print(asked, f"{name}, {_title(wanted)} ({wanted.zone})", ROWS, lines)
    _say(asked, [f"The first {limit:,}; more with --limit."] if len(found) == limit else [])


async def _where(s: Session, asked: Asked) -> tuple[Playbook, Window, int]:
    playbook = (await s.bundle()).playbook
    zone = playbook.community.zone
    wanted = asked.window(day_of(await sop_now(s.conn), zone), zone)
    return playbook, wanted, await _group(s.conn, asked.group) if asked.group else 0


async def _group(conn: Connection, name: str) -> int:
    groups = await present_groups(conn)
    found = [group.id for group in groups if name in (group.title, str(group.id))]
    if len(found) != 1:
        known = ", ".join(f"{group.title} ({group.id})" for group in groups)
        raise SopError(f"--group: {name!r} names {len(found)} groups; there are {known or 'none'}")
    return found[0]


async def _waits(conn: Connection, playbook: Playbook) -> list[str]:
    """What a reader has to know of the numbers."""
    if await counted_before(conn, playbook.community.zone) is None:
        return ["Nothing is counted yet: the flow kpi-count does, hourly."]
    late = await late_days(conn, 10_000)
    return [f"{count(len(late), 'day')} still to be counted anew, {late[-1]} to {late[0]}."] if late else []


def _line(
    playbook: Playbook, name: str, now: dict[str, list[Value]], before: dict[str, list[Value]]
) -> tuple[object, ...]:
    if kpi := DERIVED.get(name):
        of_money = KPIS[kpi.below].unit != "money"
        numbers = (_derived(divided(kpi, values), of_money=of_money) for values in (now, before))
        return name, *numbers, None, None
    goal = playbook.insight.targets.get(name)
    found = now.get(name, [])
    return name, _numbers(found), _numbers(before.get(name, [])), goal and str(goal), _of(*found[:1])


def _numbers(values: Sequence[Value]) -> str | None:
    return ", ".join(text for value in values if (text := number(value))) or None


def _derived(numbers: dict[str, float], *, of_money: bool) -> str | None:
    """Money divided by a share is money; divided by money, how often that goes into it."""
    texts = [
        str(Amount(minor=round(value), currency=currency)) if of_money else f"{value:.1f} ({currency})"
        for currency, value in numbers.items()
    ]
    return ", ".join(texts) or None


def number(value: Value) -> str | None:
    """A KPI's number as people read it; marked where it is of few."""
    found = value.number
    if found is None:
        return None
    match KPIS[value.kpi].unit:
        case "share":
            text = f"{found * 100:.1f} %"
        case "money":
            text = str(Amount(minor=round(found), currency=value.currency))
        case "seconds":
            text = age(timedelta(seconds=found))
        case _:
            text = f"{found:,.0f}"
    return f"{text} (few)" if value.small else text


def _of(*values: Value) -> str | None:
    shares = [value for value in values if KPIS[value.kpi].unit in ("share", "seconds")]
    return f"{shares[0].hits:,} of {shares[0].base:,}" if shares else None


def _name(value: Value, titles: dict[int, str]) -> str:
    if value.group_id:
        return f"group {titles.get(value.group_id, '')} ({value.group_id})"
    return value.part or (f"from {value.source}" if value.source else "all")


def _chosen(value: Value, group_id: int, source: str) -> bool:
    return (not group_id or value.group_id == group_id) and (not source or value.source == source)


def _amount(kpi: str, minor: int | None, currency: str | None) -> object:
    return str(Amount(minor=minor, currency=currency)) if minor is not None and currency else minor


def _title(asked: Window) -> str:
    last = asked.until - timedelta(days=1)
    span = f"{asked.span} " if asked.span else ""
    return f"{span}{asked.since}" if last == asked.since else f"{span}{asked.since} to {last}"


def _known(name: str) -> None:
    if name not in defined():
        raise SopError(f"{name}: no such KPI; there are {', '.join(defined())}")


def _date(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise SopError(f"{option}: {text!r} is no date; write 2026-03-04") from None


def _print(asked: Asked, title: str, head: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    if asked.csv:
        from community.history.datasets import cell

        csv.writer(sys.stdout).writerows([head, *(map(cell, line) for line in lines)])
    else:
        print_table(console(), title, head, lines)


def _say(asked: Asked, lines: Iterable[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr if asked.csv else sys.stdout)
