"""Who is to leave a group, as what let them in is over: found, checked again, removed by one call, told (SOP 6.11).

Nobody is removed who holds a term that opens the group, running or to come. That is asked when they are found, again in
the transaction that puts the call into the outbox, under the lock of whoever changes their terms; and whoever changes
them afterwards takes back the call that still waits (`put_off`).
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from community.access.doors import Door, columns, doors, holding
from community.access.put_off import STAGE, STEP, occurrence
from community.access.terms import take_turns
from community.access.ways import send_way
from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.outbox.alerts import Alert, alert
from community.outbox.enqueue import Draft, enqueue
from community.playbook import Playbook
from community.playbook_stages import MessageClass

queries = load(__file__, "removals.sql")

WITHIN = timedelta(minutes=10)
"""So long a call may wait in the outbox; then it is looked at again."""
OPEN = ("proposed", "approved")
OUT_OF_REACH = ("user is an administrator", "can't remove chat owner")
"""Telegram's words for whom no bot can remove."""

Row = dict[str, Any]
"""A row of `removals`, with what is said of its member and group."""
PutOut = Callable[[Connection, int, int, datetime], Awaitable[None]]
"""Notes that a member, by number, is outside a group, by number, since then."""


@dataclass(frozen=True, slots=True)
class Due:
    """Who is to be removed now. `asked`: so many more are due than may go unasked today, so none of them goes."""

    now: Sequence[Row]
    asked: Sequence[Row] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of calls: rows of those who are out, and of those who are out and hold something again."""

    removed: Sequence[Row] = ()
    back: Sequence[Row] = ()
    failed: Sequence[Row] = ()


async def propose(
    conn: Connection, playbook: Playbook, at: datetime, *, staff_chat: int | None, member_id: int | None = None
) -> int:
    """List who is to leave, and let be who is not to any more; returns how many are newly listed."""
    values = columns(playbook, await doors(conn, playbook))
    values |= {"at": at, "staff_chat": staff_chat, "member_id": member_id}
    async with transaction(conn):
        await conn.execute(queries.let_be, values)
        return (await conn.execute(queries.propose, values)).rowcount


async def listed(conn: Connection, *states: str) -> list[Row]:
    """Removals in these states, those that are due longest first."""
    return await (await conn.execute(queries.listed, {"states": list(states or OPEN)})).fetchall()


async def states(conn: Connection, ids: Sequence[int]) -> dict[str, int]:
    """How these removals stand: state → how many."""
    rows = await (await conn.execute(queries.states, {"ids": list(ids)})).fetchall()
    return {row["state"]: row["removals"] for row in rows}


async def outcomes(conn: Connection, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """How each of these removals stands by now, and why."""
    rows = await (await conn.execute(queries.outcomes, {"ids": list(ids)})).fetchall()
    return {row["id"]: (row["state"], row["why"]) for row in rows}


async def due(conn: Connection, playbook: Playbook, at: datetime) -> Due:
    """Who may be removed now: everyone who was approved, and of the others all or none (`access.removals_per_day`)."""
    if not playbook.access.remove:
        return Due([])
    rows = await listed(conn)
    approved = [row for row in rows if row["state"] == "approved"]
    others = [row for row in rows if row["state"] == "proposed"]
    taken = await (await conn.execute(queries.taken, {"at": at})).fetchone()
    assert taken is not None
    if taken["removals"] + len(others) > playbook.access.removals_per_day:
        return Due(approved, others)
    return Due([*approved, *others])


async def begin(conn: Connection, bundle: Bundle, row: Row, at: datetime, *, bot_id: int) -> bool:
    """Put the call that removes into the outbox, if it is still right; False: it is not."""
    async with transaction(conn):
        await take_turns(conn, row["member_id"])
        here = [door for door in await doors(conn, bundle.playbook) if door.group_id == row["group_id"]]
        values = {"id": row["id"], "at": at, **columns(bundle.playbook, here)}
        found = await (await conn.execute(queries.begin, values)).fetchone() if here else None
        if found is None:
            return False
        await enqueue(conn, bot_id, bundle.hash, [_call(found, at)], at)
    return True


async def let_stay(conn: Connection, row: Row, why: str, at: datetime) -> None:
    """They are not to be removed: an administrator, or outside already."""
    await conn.execute(queries.end, {"id": row["id"], "state": "kept", "why": why, "at": at})


async def note_asked(conn: Connection, ids: Sequence[int], at: datetime) -> None:
    """The staff chat is asked about these."""
    await conn.execute(queries.asked, {"ids": list(ids), "at": at})


async def decide(
    conn: Connection,
    word: str,
    at: datetime,
    *,
    by: str,
    asked_by: datetime | None = None,
    ids: Sequence[int] | None = None,
) -> list[int]:
    """Staff's word, `approved` or `kept`, on these, or on all they had been asked about by then; on which members."""
    values = {"state": word, "at": at, "by": by, "asked_by": asked_by, "ids": list(ids) if ids is not None else None}
    return [row["member_id"] for row in await (await conn.execute(queries.decide, values)).fetchall()]


async def settle(
    conn: Connection,
    bundle: Bundle,
    at: datetime,
    *,
    bot_id: int,
    put_out: PutOut,
    whom: tuple[int, int] | None = None,
) -> Outcome:
    """Take into account what became of the calls: of all, or of one member in one group. Safe to repeat.

    Who is out is told the way back, and their links are closed; who has come to hold something while the call was on
    its way is sent the way in. `put_out` notes that a member has left: Telegram may tell it later, or never.
    """
    member_id, group_id = whom or (None, None)
    values = {"member_ids": None if member_id is None else [member_id], "group_id": group_id}
    rows = await (await conn.execute(queries.waiting, values)).fetchall()
    calls = await _calls(conn, rows)
    removed: list[Row] = []
    back: list[Row] = []
    failed: list[Row] = []
    for row in rows:
        state, reason = calls.get(occurrence(row), ("cancelled", None))
        if state == "sent":
            (removed if await _removed(conn, bundle, row, at, bot_id, put_out) else back).append(row)
        elif state == "failed":
            failed += [row] if await _failed(conn, row, reason or "", at) else []
        elif state in ("expired", "cancelled"):
            await conn.execute(queries.back, {"ids": [row["id"]], "why": ""})
    return Outcome(removed, back, failed)


async def _calls(conn: Connection, rows: Sequence[Row]) -> dict[str, tuple[str, str | None]]:
    found = await conn.execute(queries.calls, {"occurrences": [occurrence(row) for row in rows]})
    return {call["occurrence"]: (call["state"], call["reason"]) for call in await found.fetchall()}


async def _removed(conn: Connection, bundle: Bundle, row: Row, at: datetime, bot_id: int, put_out: PutOut) -> bool:
    """They are out. False: they have come to hold something again while the call was on its way."""
    async with transaction(conn):
        await take_turns(conn, row["member_id"])
        values = {"id": row["id"], "state": "removed", "why": "", "at": at}
        if await (await conn.execute(queries.end, values)).fetchone() is None:
            return True
        if await (await conn.execute(queries.stayed, row)).fetchone() is not None:
            await put_out(conn, row["member_id"], row["group_id"], at)
        plans = _plans(await doors(conn, bundle.playbook), row["group_id"])
        if await holding(conn, row["member_id"], plans, at):
            cause = occurrence(row)
            await send_way(conn, bundle, row["member_id"], row["group_id"], at, bot_id=bot_id, cause=cause)
            return False
        await conn.execute(queries.close_links, {"member_id": row["member_id"], "group_id": row["group_id"], "at": at})
        await enqueue(conn, bot_id, bundle.hash, [_goodbye(row, at)], at)
    return True


async def _failed(conn: Connection, row: Row, reason: str, at: datetime) -> bool:
    """Telegram refused. False: it is an administrator, whom nobody wants removed."""
    if any(words in reason.lower() for words in OUT_OF_REACH):
        await let_stay(conn, row, "administrator", at)
        return False
    async with transaction(conn):
        await conn.execute(queries.end, {"id": row["id"], "state": "failed", "why": reason[:200], "at": at})
        about = Alert(
            f"removal:{row['group_id']}:{reason[:40]}",
            "A member whose access is over could not be removed",
            f"member {row['member_id']} in {row['title']} ({reason[:200]})",
            "Give the bot the right to ban users there; it is tried again a day later.",
        )
        await alert(conn, about, at)
    return True


def _plans(found: Iterable[Door], group_id: int) -> list[str]:
    return [door.plan for door in found if door.group_id == group_id]


def _call(row: Row, at: datetime) -> Draft:
    """Removed in one call, and free to come back: without `only_if_banned` it bans nobody."""
    return Draft(
        chat_id=row["chat_id"],
        stage=STAGE,
        step=STEP,
        occurrence=occurrence(row),
        message_class=MessageClass.support,
        due_at=at,
        expires_at=at + WITHIN,
        method="unbanChatMember",
        context={"user_id": row["telegram_id"]},
    )


def _goodbye(row: Row, at: datetime) -> Draft:
    return Draft(
        chat_id=row["telegram_id"],
        member_id=row["member_id"],
        stage=STAGE,
        step="ended",
        occurrence=occurrence(row),
        message_class=MessageClass.support,
        due_at=at,
        template="access/ended",
        context={"group": {"title": row["title"]}},
    )
