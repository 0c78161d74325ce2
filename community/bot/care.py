"""Care in the chat: the survey's answer, a wish for a talk, and staff's word that a task is done."""

import re
import unicodedata
from datetime import datetime, timedelta
from typing import Any

from community.bot.turn import Turn
from community.copy_contexts import SCORES
from community.database.queries import load
from community.engagement.surveys import DETRACTORS, NPS, PROMOTERS, answer
from community.members.follow_ups import Task, close, promise
from community.members.models import Member

queries = load(__file__)

TALK = "talk"
TASK = re.compile("[0-9]{1,18}")
OPEN = timedelta(days=3)
"""How long after the survey a bare number that is typed counts as its answer."""


def score_of(text: str) -> int | None:
    """The score that a text is; None for anything else."""
    return int(text) if text in map(str, SCORES) else None


async def take_score(turn: Turn, member: Member, message_id: int, said: str) -> bool:
    """The member answered the survey that was sent to them with that message; False if it was not, or is no answer.

    A message sent as a test may be pressed too, and counts nowhere.
    """
    score = score_of(said)
    if score is None:
        return False
    asked = await turn.conn.execute(queries.survey_message, {"id": message_id, "member_id": member.id})
    row = await asked.fetchone()
    if row and row["counts"]:
        await _answered(turn, member, row["occurrence"], score)
    return row is not None


async def take_typed_score(turn: Turn, member: Member, text: str) -> bool:
    """A bare number answers the survey that the member was sent lately; False if it answers none."""
    score = score_of(unicodedata.normalize("NFKC", text).strip())
    if score is None:
        return False
    asked = await turn.conn.execute(queries.survey_sent, {"member_id": member.id, "since": turn.at - OPEN})
    row = await asked.fetchone()
    if row is None:
        return False
    await _answered(turn, member, row["occurrence"], score)
    if score not in DETRACTORS and score not in PROMOTERS:
        turn.reply(member, "bot/answer_thanks")
    return True


async def _answered(turn: Turn, member: Member, occurrence: str, score: int) -> None:
    await answer(turn.conn, member.id, NPS, occurrence, score, turn.at)
    turn.note("answer", member, None, question=NPS, choice=str(score))
    if score in DETRACTORS:
        within = turn.bundle.playbook.care.survey_within
        await _staff_task(turn, member, NPS, within, note=str(score), occurrence=occurrence, score=score)
        turn.reply(member, "bot/nps_detractor", hours=hours(within))
    elif score in PROMOTERS:
        turn.reply(member, "bot/nps_promoter")


async def ask_talk(turn: Turn, member: Member) -> None:
    """The member would like to talk to somebody; asked again before that was done, it stays one task."""
    within = turn.bundle.playbook.care.talk_within
    await _staff_task(turn, member, TALK, within)
    turn.reply(member, "bot/talk", hours=hours(within))


async def tick(turn: Turn, member: Member, task: str) -> Task | None:
    """A member of staff says in the staff chat that a task is done; who was first stands. None: it was done before."""
    if not TASK.fullmatch(task):
        return None
    return await close(turn.conn, int(task), turn.at, by=f"member {member.id}")


async def _staff_task(
    turn: Turn,
    member: Member,
    kind: str,
    within: timedelta,
    *,
    note: str = "",
    occurrence: str | None = None,
    **shown: Any,
) -> None:
    """A task for staff, who are told of it when it is new."""
    due_at = turn.at + within
    task = await promise(turn.conn, member.id, kind, note, turn.at, due_at, occurrence=occurrence)
    if task is not None:
        turn.tell_staff(f"staff/{kind}", member, **task_of(turn, member, task, due_at), **shown)


def task_of(turn: Turn, member: Member, task: int, due_at: datetime) -> dict[str, Any]:
    """What the staff chat is told of any task about a member."""
    return {"number": member.id, "telegram_id": member.telegram_id, "task": task, "due": turn.local(due_at)}


def hours(within: timedelta) -> int:
    """A promised time as members are told it."""
    return round(within.total_seconds() / 3600)
