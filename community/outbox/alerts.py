"""Alerts for staff: whatever needs them is counted by subject, and told in few messages to the staff chat.

Counting is one statement in the transaction of whoever notices. Telling is done by whichever process sweeps, so that an
alert about a process does not depend on that process.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from community.bundle import Bundle
from community.database.pool import Connection
from community.database.queries import load
from community.outbox.enqueue import Draft, enqueue
from community.playbook_stages import MessageClass
from community.telegram_html import showable

queries = load(__file__, "alerts.sql")

AGAIN = timedelta(hours=1)
"""The same subject is told at most this often; the next time with how often it happened meanwhile."""
TOGETHER = timedelta(minutes=1)
"""What happens this soon after a message shares the next one."""
LISTED = 5
"""Subjects in one message; more are counted there and come in the next."""
LONGEST = 800
"""Characters kept of each text."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that needs staff. `subject` names it for counting and is not shown.

    `lasting`: noticed again and again while it lasts, so that it counts once until staff are told.
    """

    subject: str
    what: str
    where: str
    next_step: str
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """An alert of the last day. `times`: happenings that staff have not been told of."""

    subject: str
    what: str
    place: str
    next_step: str
    times: int
    last_at: datetime
    told_at: datetime | None


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Messages of the last day that the staff chat did not take, by reason."""

    reason: str
    messages: int


async def alert(conn: Connection, about: Alert, at: datetime) -> None:
    """Count it; staff are told by the next `tell`."""
    words = {"what": about.what, "place": about.where, "next_step": about.next_step}
    shown = {name: showable(text)[:LONGEST] for name, text in words.items()}
    values = {"subject": showable(about.subject), "lasting": about.lasting, "at": at, **shown}
    await conn.execute(queries.alert, values)


async def note(conn: Connection, about: Alert, at: datetime) -> None:
    """Keep it among the alerts as told: whoever calls this tells staff in a message of its own."""
    await alert(conn, about, at)
    await conn.execute(queries.note, {"subject": showable(about.subject), "at": at})


async def tell(conn: Connection, bundle: Bundle, bot_id: int, staff_chat: int | None, at: datetime) -> int:
    """Put what staff may be told of now into one message; returns how many subjects it lists.

    At most `alerts.per_hour` messages in any hour, a minute apart. What does not fit stays counted. Without a staff
    chat all does, and `sop status` shows it. Safe to run in several processes at once.
    """
    values = {"bot_id": bot_id, "at": at, "again": AGAIN, "together": TOGETHER, "limit": LISTED}
    if staff_chat is None or not await _number(conn, "ready", **values):
        return 0
    async with conn.transaction():
        await conn.execute(queries.lock)
        lately = await (await conn.execute(queries.told_lately, values)).fetchone()
        if lately is None or lately["just_now"] or lately["messages"] >= bundle.playbook.alerts.per_hour:
            return 0
        listed = await (await conn.execute(queries.take, values)).fetchall()
        if listed:
            shown = [{"where": row.pop("place"), "next": row.pop("next_step"), **row} for row in listed]
            context = {"alerts": shown, "more": await _number(conn, "ready", **values)}
            await enqueue(conn, bot_id, bundle.hash, [_draft(staff_chat, context, at)], at)
        await conn.execute(queries.forget, values)
    return len(listed)


async def lately(conn: Connection, at: datetime) -> list[Known]:
    """The alerts of the last day and those that wait to be told, newest first."""
    return [Known(**row) for row in await (await conn.execute(queries.lately, {"at": at})).fetchall()]


async def undelivered(conn: Connection, bot_id: int, at: datetime) -> list[Undelivered]:
    """What the staff chat did not take on the last day, commonest reason first."""
    rows = await (await conn.execute(queries.undelivered, {"bot_id": bot_id, "at": at})).fetchall()
    return [Undelivered(**row) for row in rows]


async def watch_doubtful(conn: Connection, bundle: Bundle, bot_id: int, at: datetime) -> None:
    """Alert when more messages became uncertain within an hour than the playbook lets pass."""
    doubtful, most = await _number(conn, "doubtful", bot_id=bot_id), bundle.playbook.alerts.uncertain
    if doubtful > most:
        about = Alert(
            "uncertain",
            f"{doubtful} messages of the last hour are uncertain, more than {most}",
            "Telegram's answers were lost or senders died: they may have arrived, and are not sent again",
            "look at them with `sop outbox --state uncertain`, then settle or retry them there",
            lasting=True,
        )
        await alert(conn, about, at)


def _draft(chat_id: int, context: dict[str, object], at: datetime) -> Draft:
    return Draft(
        chat_id=chat_id,
        stage="staff",
        step="alert",
        occurrence=at.isoformat(),
        message_class=MessageClass.support,
        due_at=at,
        template="staff/alert",
        context=context,
    )


async def _number(conn: Connection, query: str, **values: object) -> int:
    """The one number of a query's one row."""
    row = await (await conn.execute(getattr(queries, query), values)).fetchone()
    return int(next(iter(row.values()))) if row else 0
