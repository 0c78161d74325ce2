"""Live sessions from announcement to cancellation: add, move, cancel, find."""

from datetime import datetime, timedelta
from typing import Any

from community.database.pool import Connection, transaction
from community.database.queries import load
from community.engagement.coupons import NewCoupon, issue, reschedule, withdraw
from community.errors import LiveRefused, UnknownLive
from community.live.ladder import STAGE, occurrence
from community.live.models import Live
from community.live.requests import NewLive, NewTimes, Offered, check_offer
from community.members.clean import storable
from community.members.links import set_link
from community.outreach.plan import one_planner
from community.outreach.stopping import stop_occurrences
from community.playbook import Playbook

queries = load(__file__)

LINK = "live"
"""Kind of a session's tracked link, and the beginning of its token."""
BIGINT = 2**63
SHOWN_FOR = timedelta(days=30)
"""How long after its window a session is still listed."""


async def add(conn: Connection, playbook: Playbook, new: NewLive, at: datetime) -> Live:
    """Add a session, with its tracked link and its coupon. Raises LiveRefused, and CouponRefused for a code in use."""
    if new.offered:
        check_offer(new.offered, playbook.plans)
    if new.starts_at <= at:
        raise LiveRefused("start: it is over already; give a time to come")
    if new.announce_at and new.announce_at < at:
        raise LiveRefused("announce: it is over already; leave it out to announce at once")
    async with transaction(conn):
        live = await _one(conn, "add", **_columns(new, at))
        await set_link(conn, f"{LINK}-{live.id}", LINK, live.url, at)
        if new.offered and new.offered.discounted:
            live = await _with_coupon(conn, playbook, live, new.offered, at)
    return live


async def move(conn: Connection, live_id: int, times: NewTimes, at: datetime, *, bot_id: int) -> Live:
    """Give a session other times. What waits by the former ones is dropped, and the new ladder is planned anew.

    Waits for a planner at work, which would go on by the former times. Raises UnknownLive, LiveRefused.
    """
    async with transaction(conn):
        await one_planner(conn, bot_id)
        live = await _locked(conn, live_id)
        moved = await _one(conn, "move", id=live_id, at=at, **_moved(live, times, at))
        await stop_occurrences(conn, bot_id, STAGE, [occurrence(live_id, live.version)], "session_moved")
        if moved.coupon:
            await reschedule(conn, moved.coupon, moved.ends_at, moved.window_until_at)
    return moved


async def cancel(conn: Connection, live_id: int, at: datetime, *, bot_id: int) -> Live:
    """Call a session off, or end its offer early. What waits is dropped, the coupon withdrawn.

    Raises UnknownLive, and LiveRefused when it is over or called off already.
    """
    async with transaction(conn):
        await one_planner(conn, bot_id)
        live = await _locked(conn, live_id)
        _check_open(live, at)
        cancelled = await _one(conn, "cancel", id=live_id, at=at)
        await stop_occurrences(conn, bot_id, STAGE, [occurrence(live_id, live.version)], "session_cancelled")
        if cancelled.coupon:
            await withdraw(conn, cancelled.coupon, at)
    return cancelled


async def find(conn: Connection, text: str) -> Live:
    """The session of that number, else the newest with `text` in its title. Raises UnknownLive."""
    wanted = storable(text).strip()
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 19 else None
    row = await (await conn.execute(queries.find, {"id": number, "text": wanted})).fetchone() if wanted else None
    if row is None:
        raise UnknownLive(f"{wanted!r}: no such live session; `sop live list` shows them")
    return Live(**row)


async def by_id(conn: Connection, live_id: int) -> Live | None:
    """The session of that number."""
    values = {"id": live_id if 0 < live_id < BIGINT else None}
    row = await (await conn.execute(queries.by_id, values)).fetchone()
    return Live(**row) if row else None


async def coming(conn: Connection, at: datetime, *, past: timedelta = timedelta()) -> list[Live]:
    """Sessions whose window is open at `at` or has yet to open, or closed no longer than `past` ago; by their start."""
    rows = await conn.execute(queries.coming, {"since": at - past})
    return [Live(**row) for row in await rows.fetchall()]


async def overview(conn: Connection, since: datetime) -> list[dict[str, Any]]:
    """Rows for a list, by start: the session, who registered and watched, how many are left at the live price."""
    return await (await conn.execute(queries.overview, {"since": since})).fetchall()


def _columns(new: NewLive, at: datetime) -> dict[str, Any]:
    return {
        "title": new.title,
        "speaker": new.speaker.strip(),
        "url": new.url,
        "materials": new.materials,
        "announce_at": new.announce_at or at,
        "starts_at": new.starts_at,
        "ends_at": new.ends_at,
        "window_until_at": new.ends_at + (new.window if new.offered else timedelta()),
        "plan": new.offered.plan if new.offered else None,
        "at": at,
    }


async def _with_coupon(conn: Connection, playbook: Playbook, live: Live, offered: Offered, at: datetime) -> Live:
    """The session with its coupon, whose code may be of the session's number."""
    coupon = NewCoupon(
        code=offered.code or f"LIVE{live.id}",
        offer=f"{LINK}:{live.id}",
        percent=offered.percent,
        amount=offered.amount,
        price=offered.price,
        plans=(offered.plan,),
        first_n=offered.first_n,
        valid_from=live.ends_at,
        valid_until=live.window_until_at,
    )
    issued = await issue(conn, playbook, coupon, at)
    return await _one(conn, "set_coupon", id=live.id, code=issued.code)


def _moved(live: Live, times: NewTimes, at: datetime) -> dict[str, Any]:
    """The columns of a moved session. Raises LiveRefused."""
    _check_open(live, at)
    starts_at = times.starts_at or live.starts_at
    ends_at = times.ends_at or starts_at + (live.ends_at - live.starts_at)
    window = (live.window_until_at - live.ends_at) if times.window is None else times.window
    announce_at = times.announce_at or live.announce_at
    new = {
        "announce_at": announce_at, "starts_at": starts_at, "ends_at": ends_at, "window_until_at": ends_at + window
    }  # fmt: skip
    if all(getattr(live, name) == value for name, value in new.items()):
        raise LiveRefused(f"live {live.id}: these are its times already; nothing to move")
    if problem := _problem(live, new, at):
        raise LiveRefused(f"live {live.id}: {problem}")
    return {**new, "starts_otherwise": starts_at != live.starts_at}


def _problem(live: Live, new: dict[str, datetime], at: datetime) -> str | None:
    """What is wrong with new times, if anything."""
    changed = {name for name, value in new.items() if getattr(live, name) != value}
    took_place = live.ends_at <= at
    problems = {
        "it took place already; only its window can be moved": took_place and changed & {"starts_at", "ends_at"},
        "its announcement is out already; leave --announce away": "announce_at" in changed and live.announce_at <= at,
        "a time to come is needed for what is moved": any(new[name] <= at for name in changed),
        "it must end after its start": new["ends_at"] <= new["starts_at"],
        "it would be announced after its start; give --announce too": new["announce_at"] >= new["starts_at"],
        "it sells nothing, so it has no window": live.plan is None and new["window_until_at"] != new["ends_at"],
        "its window must be longer than nothing": live.plan is not None and new["window_until_at"] <= new["ends_at"],
    }
    return next((problem for problem, holds in problems.items() if holds), None)


def _check_open(live: Live, at: datetime) -> None:
    if live.cancelled_at is not None:
        raise LiveRefused(f"live {live.id}: it is cancelled; add it anew with `sop live add`")
    if live.window_until_at <= at:
        raise LiveRefused(f"live {live.id}: it is over, and its window closed; add another with `sop live add`")


async def _locked(conn: Connection, live_id: int) -> Live:
    """The session, which nobody else changes until the transaction ends."""
    row = await (await conn.execute(queries.lock, {"id": live_id})).fetchone()
    if row is None:
        raise UnknownLive(f"live {live_id}: no such session; `sop live list` shows them")
    return Live(**row)


async def _one(conn: Connection, query: str, **values: Any) -> Live:
    row = await (await conn.execute(getattr(queries, query), values)).fetchone()
    assert row is not None
    return Live(**row)
