"""`sop outbox`, with `retry` and `settle`."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from community.database.installation import last_beat, sop_now
from community.errors import SopError
from community.outbox.forecast import forecast
from community.outbox.overview import UNDONE, Listed, in_trouble, listed, queued
from community.outbox.settle import retry as retry_messages, settle as settle_messages
from deployments.cli.halt import print_halts
from deployments.cli.output import console, local, print_table
from deployments.cli.session import Session, session
from tasks.words import STATES, age, count, reason_words

ALIVE = timedelta(seconds=30)
"""The service beats every 5 s; after this long it counts as away."""
ROUND_UP = timedelta(seconds=1)


def show(state: str | None, limit: int) -> None:
    """Print the outbox: counts, forecast, messages."""
    asyncio.run(_show(_states(state), limit))


def retry(ids: Sequence[int], reason: str | None) -> None:
    """Send these again, or all that are in trouble for one reason."""
    asyncio.run(_retry(ids, reason))


def settle(ids: Sequence[int], reason: str | None, *, arrived: bool) -> None:
    """Close these as sent or failed, or all that are in doubt for one reason."""
    asyncio.run(_settle(ids, reason, arrived))


def _states(state: str | None) -> Sequence[str]:
    if state is None:
        return UNDONE
    if state not in UNDONE:
        raise SopError(f"--state: {state} is not listed here; choose one of {', '.join(UNDONE)}")
    return (state,)


async def _show(states: Sequence[str], limit: int) -> None:
    async with session() as s:
        playbook = (await s.bundle()).playbook
        await print_counts(s)
        await print_forecast(s)
        await print_halts(s)
        for state in states:
            found = await listed(s.conn, s.settings.bot_id, state, limit)
            _print_messages(found, state, playbook.community.zone)


async def print_counts(s: Session) -> None:
    """What is not done, by class and state, with its age."""
    now_at = await sop_now(s.conn)
    rows = [
        (line.message_class, line.state, line.messages, age(now_at - line.oldest_at))
        for line in await queued(s.conn, s.settings.bot_id)
    ]
    print_table(console(), "Not done", ("class", "state", "messages", "oldest due for"), rows)
    if not rows:
        print("The outbox is empty: everything is done.")


async def print_forecast(s: Session) -> None:
    """When the queue will be empty, and whether anything empties it."""
    ahead = await forecast(s.conn, s.settings.bot_id, await sop_now(s.conn))
    later = f"; {count(ahead.later, 'message')} due later" if ahead.later else ""
    if ahead.due:
        finish = local(datetime.now(UTC) + ahead.takes, "UTC")
        pace = (
            f"{ahead.rate:g} a second: done in {age(ahead.takes + ROUND_UP)}, at {finish} UTC"
            if ahead.rate
            else "no rate limit"
        )
        print(f"\n{count(ahead.due, 'message')} due now, {pace}{later}.")
    else:
        print(f"\nNothing due now{later}.")
    await warn_if_away(s)


async def warn_if_away(s: Session) -> None:
    """Say so if the always-on service is silent."""
    beat = await last_beat(s.conn, "service")
    if beat is None or datetime.now(UTC) - beat > ALIVE:
        print("The always-on service is not running: nothing leaves until `make up` (or the delivery flow) starts it.")


def _print_messages(found: Sequence[Listed], state: str, zone: str) -> None:
    rows = [
        (m.id, m.member_id, m.chat_id, f"{m.stage}/{m.step}", local(m.due_at, zone), m.attempts, _why(m.reason))
        for m in found
    ]
    title = f"{STATES[state].partition(':')[0].capitalize()}, newest first ({zone})"
    print_table(console(), title, ("message", "member", "chat", "what", "due", "attempts", "why"), rows)


def _why(reason: str | None) -> str | None:
    return reason_words(reason) if reason else None


async def _numbers(s: Session, ids: Sequence[int], reason: str | None) -> Sequence[int]:
    """The messages an operator names, one way or the other. Raises SopError."""
    if bool(ids) == (reason is not None):
        raise SopError("which messages? Give their numbers (`sop outbox` lists them), or --reason")
    if reason is None:
        return ids
    if not (found := await in_trouble(s.conn, s.settings.bot_id, reason)):
        raise SopError(
            f"--reason: no message has failed or is uncertain as {reason!r}; `sop export messages` tells all"
        )
    return found


async def _retry(ids: Sequence[int], reason: str | None) -> None:
    async with session() as s:
        ids = await _numbers(s, ids, reason)
        moved = await retry_messages(s.conn, ids)
    _report(moved, ids, "will be sent again", "neither failed nor uncertain")


async def _settle(ids: Sequence[int], reason: str | None, arrived: bool) -> None:
    async with session() as s:
        ids = await _numbers(s, ids, reason)
        moved = await settle_messages(s.conn, ids, arrived=arrived)
    _report(moved, ids, f"settled as {'sent' if arrived else 'failed'}", "not uncertain")


def _report(moved: int, ids: Sequence[int], done: str, otherwise: str) -> None:
    """What became of them. Raises SopError when not one could be moved."""
    left = len(set(ids)) - moved
    if not moved:
        raise SopError(
            f"none of these messages {'is' if left == 1 else 'are'} there to act on: {otherwise} (`sop outbox`)"
        )
    print(f"{count(moved, 'message')} {done}" + (f"; {left} left alone: {otherwise}." if left else "."))
