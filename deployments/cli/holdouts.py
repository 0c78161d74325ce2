"""`sop holdout`."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

from community.database.installation import sop_now
from community.insight.holdouts import EVERYTHING, Comparison, Money, comparisons
from community.insight.statistics import Interval
from community.insight.windows import Window, day_of
from community.playbook_types import format_duration, minor_digits
from deployments.cli.output import console, print_table
from deployments.cli.session import session

HEAD = ("stage", "held out", "members", "held", "bought", "held bought", "more bought", "what that says")


def show(stage: str | None, days: int) -> None:
    """Print the comparisons of the last days. Raises UnknownStage."""
    asyncio.run(_show(stage, days))


async def _show(stage: str | None, days: int) -> None:
    async with session() as s:
        playbook, at = (await s.bundle()).playbook, await sop_now(s.conn)
        if stage is not None:
            playbook.stage(stage)
        zone = playbook.community.zone
        today = day_of(at, zone)
        asked = Window(None, today - timedelta(days=days - 1), today + timedelta(days=1), zone)
        found = [c for c in await comparisons(s.conn, playbook, asked, at) if stage in (None, c.stage)]
    within = format_duration(playbook.holdout.within)
    title = f"Who was to be written to in the last {days} days, beside who was held out; purchases within {within}"
    print_table(console(), title, HEAD, map(_row, found))
    print_table(console(), "Money", ("stage", "each more", "all together"), _money(found))
    print(f"Intervals hold in 95 of 100 cases. In all {sum(c.waiting for c in found[:1]):,} members' time is not over.")


def _row(found: Comparison) -> tuple[object, ...]:
    shares = (f"{part.share:.1%}" if part.people else None for part in (found.treated, found.held))
    lift = _points(found.lift) if found.held.people and found.treated.people else None
    named = _name(found)
    return named, f"{found.holdout:g}%", found.treated.people, found.held.people, *shares, lift, "; ".join(says(found))


def says(found: Comparison) -> Iterator[str]:
    """In words, what the comparison says."""
    if not found.enough:
        yield "not enough data yet"
    if not found.holdout and not found.held.people:
        yield "nobody is held out (holdout: in the playbook)"
        return
    for number, side in zip(found.missing_people, ("written to", "held out"), strict=True):
        if number:
            yield f"{number:,} more members {side} are needed"
    if found.missing_purchases:
        yield f"{found.missing_purchases:,} more purchases are needed"
    if found.certain:
        yield "it makes more buy" if found.lift.low > 0 else "it makes fewer buy"
    elif found.enough:
        yield "no difference that chance does not explain"


def _money(found: list[Comparison]) -> Iterator[tuple[object, ...]]:
    for each in found:
        for money in each.money if each.enough else ():
            if money.each and money.earned:
                yield _name(each), _amounts(money, money.each), _amounts(money, money.earned)


def _name(found: Comparison) -> str:
    return "everything" if found.stage == EVERYTHING else found.stage


def _points(interval: Interval) -> str:
    return f"{100 * interval.middle:+.1f} points ({100 * interval.low:+.1f} to {100 * interval.high:+.1f})"


def _amounts(money: Money, interval: Interval) -> str:
    digits = minor_digits(money.currency)
    low, middle, high = (f"{bound / 10**digits:+,.{digits}f}" for bound in interval)
    return f"{middle} {money.currency} ({low} to {high})"
