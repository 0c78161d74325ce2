"""What members buy, and live sessions: done by the core's verbs, and noted."""

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from community.access.grant import grant
from community.access.models import Term as Stored
from community.access.opening import Opened, grant_for_coupon
from community.access.terms import cancel, revoke, set_end, terms_of
from community.errors import AccessRefused, LiveRefused
from community.live.closing import sweep
from community.live.models import Live as StoredLive
from community.live.people import Answer, register, visit
from community.live.requests import NewTimes, new_live
from community.live.sessions import add, cancel as cancel_live, move
from tests.interleavings.facts import Live, Person, Term, Times
from tests.interleavings.world import BOT_ID, World

SOLD = "pack"
"""What live sessions sell."""


async def buy(world: World, person: Person, plan: str, days: int | None = None) -> None:
    """They buy a term, or another one, perhaps of so many days; what is refused is not bought."""
    kind, ends_at = world.bundle.playbook.plans[plan], days and world.now + timedelta(days=days)
    given = {"source": "staff" if kind.trial else "stripe", "by": "x", "paid": kind.price, "ends_at": ends_at}
    try:
        await grant(world.conn, world.bundle.playbook, person.number, plan, world.now, **given)
    except AccessRefused:
        return
    if not kind.trial:
        _bought(world, person, plan)
    await _reread(world, person)


async def buy_live(world: World, person: Person, live: Live) -> None:
    """They buy what the session offers, at its price; what is refused is not bought."""
    code = f"LIVE{live.id}"
    opened = await grant_for_coupon(
        world.conn, world.bundle.playbook, person.number, SOLD, code, world.now, source="stripe", by="x"
    )
    if isinstance(opened, Opened):
        _bought(world, person, SOLD)
    await _reread(world, person)


async def change_term(world: World, person: Person, how: str) -> None:
    """Their last term is cancelled, taken back, or ends another day; what is refused is not changed."""
    if not person.terms:
        return
    number, said = person.terms[-1].id, {"by": "x", "note": ""}
    ends_at = person.terms[-1].ends_at or world.now
    works: dict[str, Callable[[], Coroutine[Any, Any, Stored]]] = {
        "cancel": lambda: cancel(world.conn, number, world.now, by="x"),
        "revoke": lambda: revoke(world.conn, number, world.now, **said),
        "later": lambda: set_end(world.conn, number, ends_at + timedelta(days=5), world.now, **said),
        "earlier": lambda: set_end(world.conn, number, ends_at - timedelta(days=5), world.now, **said),
    }
    try:
        await works[how]()
    except AccessRefused:
        return
    await _reread(world, person)


async def add_live(world: World, starts_in: timedelta, window: timedelta, first_n: int | None) -> Live:
    """A session of an hour is announced now, with an offer at the end."""
    starts_at = world.now + starts_in
    times = {"starts_at": starts_at, "ends_at": starts_at + timedelta(hours=1), "window": window}
    new = new_live(
        {"title": "Live", "url": "https://example.org/live", **times}, {"plan": SOLD, "percent": 20, "first_n": first_n}
    )
    stored = await add(world.conn, world.bundle.playbook, new, world.now)
    live = Live(stored.id, stored.plan, world.now, [_times(stored)])
    world.chronicle.lives[live.id] = live
    return live


async def move_live(world: World, live: Live, starts_at: datetime | None, window: timedelta | None) -> None:
    """The session, or only its window, is another time; what is refused stays."""
    try:
        stored = await move(world.conn, live.id, NewTimes(starts_at=starts_at, window=window), world.now, bot_id=BOT_ID)
    except LiveRefused:
        return
    live.versions.append(_times(stored))
    if stored.moved_at is not None:
        live.moved_at[live.version] = stored.moved_at


async def call_off(world: World, live: Live) -> None:
    """There is no session, or no offer any more."""
    try:
        await cancel_live(world.conn, live.id, world.now, bot_id=BOT_ID)
    except LiveRefused:
        return
    live.cancelled_at = world.now


async def take_part(world: World, person: Person, live: Live) -> None:
    """They register; once the doors are open they watch."""
    if await register(world.conn, live.id, person.number, world.now, "button") is Answer.done:
        live.registered.setdefault(person.number, world.now)
    if await visit(world.conn, live.id, person.number, world.now) is Answer.done:
        live.watched.add(person.number)


async def sweep_lives(world: World) -> None:
    """What ends by itself has ended."""
    await sweep(world.conn, world.now, bot_id=BOT_ID)


def _bought(world: World, person: Person, plan: str) -> None:
    person.reached |= dict.fromkeys(("purchase", f"purchase:{plan}"), world.now)


async def _reread(world: World, person: Person) -> None:
    """Their terms, as the desk would tell them: terms that follow one another move together."""
    person.terms = [
        Term(
            t.id, t.plan, t.line, t.trial, t.starts_at, t.ends_at, t.cancelled_at is not None, t.revoked_at is not None
        )
        for t in await terms_of(world.conn, person.number)
    ]


def _times(stored: StoredLive) -> Times:
    return Times(stored.announce_at, stored.starts_at, stored.ends_at, stored.window_until_at)
