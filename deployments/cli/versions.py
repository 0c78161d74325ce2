"""`sop versions`, `sop rollback`, and what `sop publish --preview` shows."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping

from community.database.installation import sop_now
from community.insight.versions import Measure, proposed_rollback, versions
from community.outreach.publishing import Change, coming, former_version, put_into_force
from community.playbook_stages import InFlight
from deployments.cli.output import console, local, print_table
from deployments.cli.session import session
from tasks.words import count

HEAD = ("version", "since", "note", "accepted", "engaged 24 h", "clicked", "blocked", "bought in 7 days")


def show(days: int) -> None:
    """Print what the messages of each version did."""
    asyncio.run(_show(days))


def rollback(number: int | None, note: str, *, stay: bool, only_look: bool) -> None:
    """Put a former version into force again. Raises PlaybookError."""
    asyncio.run(_rollback(number, note, InFlight.stay if stay else InFlight.migrate, only_look=only_look))


async def _show(days: int) -> None:
    async with session() as s:
        playbook, at = (await s.bundle()).playbook, await sop_now(s.conn)
        found, worse = await versions(s.conn, playbook, at, days), await proposed_rollback(s.conn, playbook, at)
    zone = playbook.community.zone
    rows = (
        (v.number, local(v.published_at, zone), v.note, v.accepted, *(_measure(each) for each in v.measures))
        for v in found
    )
    print_table(console(), f"Messages of the last {days} days by version ({zone})", HEAD, rows)
    print("In brackets: points more or less than the version before, of the steps that both have; * of fewer than 30.")
    for each in worse:
        print(
            f"Version {each.version} does worse than {each.before}: {each.measure} {each.now.share:.1%} instead of"
            f" {each.was.share:.1%}. To go back: sop rollback --to {each.before} --note '…'"
        )


def _measure(found: Measure) -> str | None:
    if not found.part.people:
        return None
    low, middle, high = (100 * bound for bound in found.change) if found.change else (0.0, 0.0, 0.0)
    change = f" ({middle:+.1f}: {low:+.1f} to {high:+.1f})" if found.change else ""
    return f"{found.part.share:.1%}{'*' if found.small else ''}{change}"


async def _rollback(number: int | None, note: str, mode: InFlight, *, only_look: bool) -> None:
    async with session() as s:
        at, present = await sop_now(s.conn), await s.bundle()
        former, bundle = await former_version(s.conn, number)
        changes = await coming(s.conn, present, bundle, at, bot_id=s.settings.bot_id, mode=mode)
        print(f"Version {former.number} ({former.note}), {former.bundle[:12]}:")
        print_changes(changes)
        if only_look:
            return
        note = note or f"back to version {former.number}"
        bot_id, number = s.settings.bot_id, former.number
        await put_into_force(s.conn, bundle, note, at, bot_id=bot_id, mode=mode, returns_to=number)
    print("It is in force within 5 seconds. Your playbook folder still has what was rolled back.")


def print_changes(changes: Iterable[Change]) -> None:
    """What a version changes for who is half-way."""
    lines = [line for change in changes for line in _lines(change)]
    print("\n".join(f"  {line}" for line in lines or ["nothing changes for who is half-way"]))


def _lines(change: Change) -> Iterator[str]:
    yield f"{change.stage}: {count(change.members, 'member')} half-way, who {_MODES[change.mode]}"
    waits = change.waiting
    numbers = {
        "stay as they are": waits.kept,
        "get the new words": waits.reworded,
        "are planned anew": waits.anew,
        "are not sent": waits.dropped,
    }
    for what, number in numbers.items():
        if number:
            yield f"  {count(number, 'waiting message')} {what}"
    yield from _steps("newly get", change.gains)
    yield from _steps("do not get any more", change.loses)


_MODES = {InFlight.stay: "stay with the version they began with", InFlight.migrate: "go on by this version"}


def _steps(what: str, steps: Mapping[str, int]) -> Iterator[str]:
    for step, number in sorted(steps.items()):
        yield f"  {count(number, 'member')} {what} {step}"
