"""`sop feedback`."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import shorten

from community.database.installation import sop_now
from community.insight.feedback import KINDS, Quadrant, Trail, members_of, quadrants, trail
from community.insight.windows import Span, Window, day_of, window
from community.members.follow_ups import Opened, opened
from deployments.cli.output import console, local, print_table
from deployments.cli.session import Session, calendar_day, session
from tasks.words import task_words

LONGEST = 80
"""Characters shown of what somebody wrote."""
QUADRANTS = {
    Quadrant.complaint: "complaint",
    Quadrant.suggestion: "suggestion",
    Quadrant.silent_leaving: "left without a word",
    Quadrant.active: "active",
}
WHY = {"left": "left", "ended": "paid term ended", "still_here": "still here"}
HEAD = ("task", "what", "member", "name", "group", "about", "since", "due", "done")


@dataclass(frozen=True, slots=True)
class Asked:
    """What of feedback, as typed."""

    week: str | None
    quadrant: str | None
    member: str | None
    limit: int


def show(asked: Asked) -> None:
    """Print a week's feedback, or all of a member's. Raises SopError for a week that is none."""
    asyncio.run(_show(asked))


def show_trail(member: str) -> None:
    """Print the days before a member left. Raises UnknownMember."""
    asyncio.run(_trail(member))


async def _show(asked: Asked) -> None:
    kinds = [kind for each, known in KINDS.items() if asked.quadrant in (None, each) for kind in known]
    async with session() as s:
        zone = (await s.bundle()).playbook.community.zone
        now = await sop_now(s.conn)
        week = window(Span.week, calendar_day("--week", asked.week) if asked.week else day_of(now, zone), zone)
        since, until, member_id = week.since_at, week.until_at, None
        if asked.member is not None:
            member_id = (await s.member(asked.member)).id
            if not asked.week:
                since, until = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
        else:
            await _print_week(s, asked, week, now)
        found = await opened(s.conn, kinds, since, until, member_id=member_id, limit=asked.limit)
    if not found:
        print("No tasks.")
    print_table(console(), f"Tasks ({zone})" if found else None, HEAD, _rows(found, zone))


async def _print_week(s: Session, asked: Asked, week: Window, now: datetime) -> None:
    playbook = (await s.bundle()).playbook
    this = await quadrants(s.conn, playbook, week, now)
    before = await quadrants(s.conn, playbook, week.before())
    lines = [(QUADRANTS[q], c.members, before[q].members, c.opened, c.done) for q, c in this.items()]
    title = f"Week of {week.since}"
    print_table(console(), title, ("quadrant", "members", "week before", "tasks opened", "done"), lines)
    if asked.quadrant:
        places = await members_of(s.conn, playbook, week, Quadrant(asked.quadrant), asked.limit, now)
        print_table(console(), "Who", ("member", "at"), [(p.member_id, local(p.at, week.zone)) for p in places])


def _rows(found: Iterable[Opened], zone: str) -> Iterator[tuple[object, ...]]:
    for each in found:
        task = each.task
        about = shorten(task.note, LONGEST, placeholder="…") or None
        dates = (local(moment, zone) for moment in (task.created_at, task.due_at, each.done_at))
        yield task.id, task_words(task.kind), task.member_id, task.name, each.group_id, about, *dates


async def _trail(name: str) -> None:
    async with session() as s:
        zone = (await s.bundle()).playbook.community.zone
        member = await s.member(name)
        found = await trail(s.conn, member.id, await sop_now(s.conn), zone)
    print(f"Member {member.id}: {WHY[found.why]}, {local(found.at, zone)} ({zone}).")
    print(f"Last words: {found.last_words or 'none known'}.")
    print_table(console(), "The 30 days before", ("day", "did", "was sent", "besides"), _days(found))
    if not found.days:
        print("Nothing in the 30 days before.")


def _days(found: Trail) -> Iterator[tuple[object, ...]]:
    for day, of in found.days.items():
        did = ", ".join(f"{kind} {times}" for kind, times in of.did.items())
        yield day, did or None, ", ".join(of.sent) or None, ", ".join(of.happened) or None
