"""Feedback in four quadrants (SOP 4.6): who complained, suggested, left without a word or was active; what staff do.

Definitions: docs/reports.md.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, Literal, LiteralString

from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.engagement.surveys import DETRACTORS
from community.insight.definitions import fragments, parameters
from community.insight.listed import Listed
from community.insight.windows import Span, Window, day_of, window
from community.members.follow_ups import Task, open_due
from community.outbox.enqueue import Draft, enqueue
from community.playbook import Playbook
from community.playbook_stages import MessageClass

queries = load(__file__, "feedback.sql")

TRAIL_DAYS = 30
"""Days before the leaving that are looked at, its own included."""
LOOKED_BACK = timedelta(days=7)
"""Whoever left longer ago and was never got to is counted, and opens no task any more."""
MOST_TOLD = 100


class Quadrant(StrEnum):
    """Each member of a week is in one: the first that fits, in this order."""

    complaint = "complaint"
    suggestion = "suggestion"
    silent_leaving = "silent_leaving"
    active = "active"


Behind = Literal["members", "opened", "done"]

KINDS = {
    Quadrant.complaint: ("complaint", "nps"),
    Quadrant.suggestion: ("suggestion",),
    Quadrant.silent_leaving: ("silent_leaving",),
    Quadrant.active: ("thanks",),
}
"""Kinds of tasks that a quadrant opens."""


@dataclass(frozen=True, slots=True)
class Count:
    """A quadrant in a window: its members, and the tasks opened in it with how many were done by its end."""

    members: int = 0
    opened: int = 0
    done: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """A member's quadrant, and what put them there last."""

    member_id: int
    quadrant: Quadrant
    at: datetime


@dataclass(slots=True)
class TrailDay:
    """A day before somebody left: how often they did what, what we sent them, what else happened. No words."""

    did: dict[str, int] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Trail:
    """The days before somebody left; without what is empty."""

    at: datetime
    """When they left, or their term ended; else the moment that was asked for."""
    why: str
    """left, ended, or still_here."""
    last_words: date | None
    days: dict[date, TrailDay]


@cache
def _text(name: str) -> LiteralString:
    leavers = queries.fill("leavers", told=queries.told)
    placed = queries.fill("placed", told=queries.told, leavers=leavers, shows=fragments.shows)
    return queries.fill(name, placed=placed, leavers=leavers, shows=fragments.shows)


def _values(playbook: Playbook, asked: Window, now_at: datetime | None = None) -> dict[str, Any]:
    return {
        **parameters(playbook, asked, now_at),
        "low": max(DETRACTORS),
        "active_days": playbook.feedback.active_days,
        "kinds": [kind for kinds in KINDS.values() for kind in kinds],
    }


async def quadrants(
    conn: Connection, playbook: Playbook, asked: Window, now_at: datetime | None = None
) -> dict[Quadrant, Count]:
    """All quadrants of a window, which at `now_at` may not be over yet."""
    values = _values(playbook, asked, now_at)
    members = await (await conn.execute(_text("quadrants"), values)).fetchall()
    tasks = await (await conn.execute(queries.fill("tasks", opened=queries.opened), values)).fetchall()
    found = {row["quadrant"]: row["members"] for row in members}
    opened = {row["quadrant"]: (row["opened"], row["done"]) for row in tasks}
    return {each: Count(found.get(each, 0), *opened.get(each, (0, 0))) for each in Quadrant}


def rows_of_quadrant(
    playbook: Playbook, asked: Window, quadrant: Quadrant, of: Behind, now_at: datetime | None = None
) -> Listed:
    """Who is in a quadrant of the window, or which tasks it opened, or which of those were done by its end."""
    values = {**_values(playbook, asked, now_at), "quadrant": quadrant}
    if of == "members":
        return Listed(_text("rows_of_members"), values)
    moment = {"opened": "created_at", "done": "done_at"}[of]
    return Listed(queries.fill("rows_of_tasks", opened=queries.opened, moment=moment), values)


async def members_of(
    conn: Connection, playbook: Playbook, asked: Window, quadrant: Quadrant | None, limit: int, now_at: datetime
) -> list[Place]:
    """Who is in a quadrant, or in any; the newest first."""
    values = {**_values(playbook, asked, now_at), "quadrant": quadrant, "limit": limit}
    rows = await (await conn.execute(_text("members"), values)).fetchall()
    return [Place(row["member_id"], Quadrant(row["quadrant"]), row["at"]) for row in rows]


async def open_tasks(
    conn: Connection, bundle: Bundle, as_of: datetime, *, staff_chat: int | None, bot_id: int
) -> dict[str, int]:
    """Open tasks for silent leavers, and for active members of the week that is over; tell the staff chat of each.

    Returns how many of each kind are new. As many as the playbook says; opening them again adds nothing.
    """
    async with transaction(conn):
        await conn.execute(queries.one_at_a_time)
        gone, thanks = await _leaving(conn, bundle.playbook, as_of), await _thanks(conn, bundle.playbook, as_of)
        if staff_chat is not None:
            drafts = [_told(bundle.playbook, staff_chat, task, as_of) for task in [*gone, *thanks]]
            await enqueue(conn, bot_id, bundle.hash, drafts, as_of)
    return {kind: len(tasks) for kind, tasks in (("silent_leaving", gone), ("thanks", thanks)) if tasks}


async def _leaving(conn: Connection, playbook: Playbook, as_of: datetime) -> list[Task]:
    rules, zone = playbook.feedback, playbook.community.zone
    looked = {"since": as_of - LOOKED_BACK, "until": as_of, "now": as_of, "most": rules.leavers_per_day}
    values = {**_values(playbook, window(Span.day, day_of(as_of, zone), zone)), **looked}
    due, within = _text("leaving_due"), rules.leaving_within
    return (await open_due(conn, due, values, as_of, within, listed=MOST_TOLD))[1]


async def _thanks(conn: Connection, playbook: Playbook, as_of: datetime) -> list[Task]:
    rules, zone = playbook.feedback, playbook.community.zone
    values = _values(playbook, window(Span.week, day_of(as_of, zone), zone).before())
    values["most"] = rules.thanks_per_week
    return (await open_due(conn, _text("thanks_due"), values, as_of, rules.thanks_within, listed=MOST_TOLD))[1]


def _told(playbook: Playbook, staff_chat: int, task: Task, as_of: datetime) -> Draft:
    """As the bot tells of what was said (community/bot/feedback.py)."""
    zone = window(Span.day, day_of(as_of, playbook.community.zone), playbook.community.zone).since_at.tzinfo
    context = {
        "number": task.member_id,
        "telegram_id": task.telegram_id,
        "member": {"name": task.name},
        "task": task.id,
        "due": f"{task.due_at.astimezone(zone):%Y-%m-%d %H:%M %Z}",
        "kind": task.kind,
        "text": task.note,
        "place": None,
        "link": None,
    }
    return Draft(
        chat_id=staff_chat,
        stage="staff",
        step="feedback",
        occurrence=f"task:{task.id}",
        message_class=MessageClass.support,
        due_at=as_of,
        template="staff/feedback",
        context=context,
    )


async def trail(conn: Connection, member_id: int, at: datetime, zone: str) -> Trail:
    """What a member did and was sent in the 30 days before they left, or before `at` if they are still here."""
    row = await (await conn.execute(queries.gone_at, {"member_id": member_id, "at": at})).fetchone()
    left, ended = (row["left_at"], row["ended_at"]) if row else (None, None)
    gone = [(moment, why) for moment, why in ((left, "left"), (ended, "ended")) if moment]
    until, why = max(gone, default=(at, "still_here"))
    last = day_of(until, zone)
    asked = Window(None, last - timedelta(days=TRAIL_DAYS - 1), last + timedelta(days=1), zone)
    values = {"member_id": member_id, "zone": zone, "since": asked.since_at, "until": asked.until_at,
              "since_day": asked.since, "until_day": asked.until}  # fmt: skip
    words = await (await conn.execute(queries.last_words, values)).fetchone()
    return Trail(until, why, words["day"] if words else None, await _days(conn, values))


async def _days(conn: Connection, values: dict[str, Any]) -> dict[date, TrailDay]:
    days: dict[date, TrailDay] = defaultdict(TrailDay)
    for row in await (await conn.execute(queries.did, values)).fetchall():
        day = row.pop("day")
        days[day].did = {kind: int(times) for kind, times in row.items() if times}
    for row in await (await conn.execute(queries.was_sent, values)).fetchall():
        days[row["day"]].sent.append(row["what"])
    for row in await (await conn.execute(queries.happened, values)).fetchall():
        days[row["day"]].happened.append(row["what"])
    return dict(sorted(days.items()))
