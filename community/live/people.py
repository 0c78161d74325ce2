"""Who registers for a live session, who watches it, and what they ask beforehand."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from community.database.pool import Connection, transaction
from community.database.queries import load
from community.live.sessions import BIGINT
from community.members.clean import storable

queries = load(__file__)

DOORS_OPEN = timedelta(minutes=30)
"""So long before the start a visit is no registration any more: whoever comes now is there to watch."""
QUESTION_LIMIT = 1_000
"""Longest question kept, in characters."""
MOST_QUESTIONS = 20
"""Of one member for one session."""


class Answer(StrEnum):
    """What came of a wish about a session."""

    done = "done"
    already = "already"
    """Registered before; or asked as many questions as are taken."""
    over = "over"
    """It took place."""
    cancelled = "cancelled"
    unknown = "unknown"


async def openness(conn: Connection, live_id: int, at: datetime) -> Answer:
    """Whether one may still register for the session, or ask something; `done`: yes."""
    return _answer(await _standing(conn, live_id, None), at)


async def register(conn: Connection, live_id: int, member_id: int, at: datetime, by: str) -> Answer:
    """The member wants to come; `by` is `link` or `button`."""
    async with transaction(conn):
        standing = await _standing(conn, live_id, member_id)
        answer = _answer(standing, at)
        if answer is Answer.done and standing and standing["registered_at"] is not None:
            return Answer.already
        if answer is Answer.done:
            values = {"live_id": live_id, "member_id": member_id, "at": at, "by": by}
            await conn.execute(queries.register, values)
    return answer


async def visit(conn: Connection, live_id: int, member_id: int, at: datetime) -> Answer:
    """The member followed the session's link: registers, and from half an hour before the start to the end watches."""
    async with transaction(conn):
        standing = await _standing(conn, live_id, member_id)
        answer = _answer(standing, at)
        if answer is not Answer.done or standing is None:
            return answer
        if at < standing["starts_at"] - DOORS_OPEN:
            return await register(conn, live_id, member_id, at, "link")
        await watched(conn, live_id, {member_id: None}, at, "link")
    return answer


async def watched(conn: Connection, live_id: int, minutes: dict[int, int | None], at: datetime, by: str) -> None:
    """These members watched, so many minutes each if that is known; `by` is `link` or `list`."""
    values = {"live_id": live_id, "member_ids": list(minutes), "minutes": list(minutes.values()), "at": at, "by": by}
    await conn.execute(queries.watch, values)


async def ask(conn: Connection, live_id: int, member_id: int, question: str, at: datetime) -> Answer:
    """The member asks something to be answered in the session."""
    async with transaction(conn):
        answer = _answer(await _standing(conn, live_id, member_id), at)
        if answer is not Answer.done:
            return answer
        values = {"live_id": live_id, "member_id": member_id, "at": at, "most": MOST_QUESTIONS}
        values["question"] = storable(question).strip()[:QUESTION_LIMIT]
        taken = (await conn.execute(queries.ask, values)).rowcount == 1
    return Answer.done if taken else Answer.already


async def questions(conn: Connection, live_id: int) -> list[dict[str, Any]]:
    """Rows of at, member_id, question and the member's names, in the order in which they were asked."""
    return await (await conn.execute(queries.questions, {"live_id": live_id})).fetchall()


async def _standing(conn: Connection, live_id: int, member_id: int | None) -> dict[str, Any] | None:
    values = {"live_id": live_id if 0 < live_id < BIGINT else None, "member_id": member_id}
    return await (await conn.execute(queries.standing, values)).fetchone()


def _answer(standing: dict[str, Any] | None, at: datetime) -> Answer:
    """Whether anything may still be wished of the session; `done`: yes."""
    if standing is None:
        return Answer.unknown
    if standing["cancelled_at"] is not None:
        return Answer.cancelled
    return Answer.over if standing["ends_at"] <= at else Answer.done
