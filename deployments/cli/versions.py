"""`sop versions` and `sop rollback`."""

import asyncio

from community.bundle import Bundle
from community.copy_contexts import needed_copy
from community.database.installation import sop_now
from community.errors import PlaybookError
from community.insight.experiments import begin, refuse_used
from community.insight.versions import Measure, proposed_rollback, versions
from community.outreach.publishing import coming, former_version, put_into_force
from community.playbook_stages import InFlight
from deployments.cli.output import console, local, print_table
from deployments.cli.publish import follow_schedules
from deployments.cli.session import session
from deployments.cli.version_changes import print_changes

HEAD = ("version", "since", "note", "accepted", "engaged 24 h", "clicked", "blocked", "bought in 7 days")


def show(days: int) -> None:
    """Print what the messages of each version did."""
    asyncio.run(_show(days))


def rollback(number: int | None, note: str, *, stay: bool, only_look: bool) -> None:
    """Put a former version into force again. Raises PlaybookError."""
    asyncio.run(_rollback(number, note, InFlight.stay if stay else InFlight.migrate, only_look=only_look))


def refuse_incomplete(number: int, bundle: Bundle) -> None:
    """Raise PlaybookError for a version of before a message was made that is needed by now: it could not be sent."""
    copy = bundle.copy.get(bundle.playbook.community.locale, {})
    if missing := sorted(set(needed_copy(bundle.playbook)) - set(copy)):
        raise PlaybookError(
            f"version {number} has no copy for {', '.join(missing)}; "
            "put what you want back into the playbook folder, and `sop publish` it"
        )


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
        refuse_incomplete(former.number, bundle)
        await refuse_used(s.conn, bundle.playbook)
        changes = await coming(s.conn, present, bundle, at, bot_id=s.settings.bot_id, mode=mode)
        print(f"Version {former.number} ({former.note}), {former.bundle[:12]}:")
        print_changes(changes)
        if only_look:
            return
        note = f"back to version {former.number}: {note or former.note}"
        bot_id, number = s.settings.bot_id, former.number
        await put_into_force(s.conn, bundle, note, at, bot_id=bot_id, mode=mode, returns_to=number)
        await begin(s.conn, bundle.playbook, at)
        await follow_schedules(s, present, bundle)
    print("It is in force within 5 seconds. Your playbook folder still has what was rolled back.")
