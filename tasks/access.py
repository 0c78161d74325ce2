"""Who is to leave the groups that plans open: found, checked again, removed, and what came of it."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from prefect import get_run_logger, task
from prefect.artifacts import acreate_table_artifact
from prefect.cache_policies import NO_CACHE

from community.access.asking import ask_staff
from community.access.removals import Row, begin, due, let_stay, listed, outcomes, propose, settle, states
from community.access.ways import close_ways
from community.channels.standing import Bot, Standing, ask_standing, inquiry
from community.database.installation import sop_now
from community.database.pool import Connection
from community.groups.membership import left
from community.outbox.alerts import Alert, alert
from community.outbox.bundles import Bundles
from community.outbox.claim import next_slot
from community.settings import load_settings
from tasks.messaging import FOLLOW_S, LOOK_S
from tasks.reporting import local
from tasks.storage import bundle_in_force, connection, service_alive
from tasks.words import count, removal_words

MOST = 500
"""Checked in one run; the next goes on."""


@dataclass(frozen=True, slots=True)
class Found:
    """Who is listed, of them who is to be removed now, and who waits for somebody's word."""

    listed: Sequence[Row]
    now: Sequence[Row] = ()
    asked: Sequence[Row] = ()
    new: int = 0


@dataclass(frozen=True, slots=True)
class Begun:
    """Calls that are on their way, and members who were spared at the last check."""

    begun: Sequence[int] = ()
    """Numbers of the removals."""
    spared: int = 0
    unknown: int = 0
    """Of whom Telegram did not say how they stand: looked at again by the next run."""


@task(
    name="find", task_run_name="find who is to leave", cache_policy=NO_CACHE, retries=3, retry_delay_seconds=[1, 5, 15]
)
async def find_ended(dry: bool = False, only_approved: bool = False) -> Found:
    """List whose access is over, grace and all; above the limit of a day ask the staff chat instead.

    `dry`: nothing but the list is touched, and nobody is asked or told. `only_approved`: the others wait for the hour.
    """
    settings = load_settings()
    async with connection() as conn:
        bundle, at = await bundle_in_force(conn), await sop_now(conn)
        if not dry:
            await settle(conn, bundle, at, bot_id=settings.bot_id, put_out=left)
            await close_ways(conn, bundle.playbook, at)
        new = await propose(conn, bundle.playbook, at, staff_chat=settings.staff_chat)
        found = await due(conn, bundle.playbook, at)
        if only_approved:
            return Found(await listed(conn), [row for row in found.now if row["state"] == "approved"], new=new)
        if found.asked and not dry:
            await ask_staff(conn, bundle, found.asked, at, bot_id=settings.bot_id, staff_chat=settings.staff_chat)
        return Found(await listed(conn), found.now, found.asked, new)


@task(name="remove", task_run_name="check again, remove", cache_policy=NO_CACHE, timeout_seconds=1800)
async def remove(rows: Sequence[Row]) -> Begun:
    """Ask Telegram how each stands, and put the call into the outbox if they are to leave by terms and standing."""
    settings, tally, begun = load_settings(), {"spared": 0, "unknown": 0}, []
    if not rows:
        return Begun()
    async with AsyncExitStack() as opened:
        conn = await opened.enter_async_context(connection())
        bot = await opened.enter_async_context(inquiry(settings.token, settings.telegram_api))
        bundles = Bundles()
        for row in rows[:MOST]:
            why = await _spared(conn, bot, row, settings.staff_chat)
            bundle, at = await bundles.current(conn), await sop_now(conn)
            if not bundle.playbook.access.remove:  # switched off meanwhile
                break
            if why == "unknown":
                tally["unknown"] += 1
            elif why is not None:
                await let_stay(conn, row, why, at)
                if why == "outside":  # Telegram had not told us
                    await left(conn, row["member_id"], row["group_id"], at)
                tally["spared"] += 1
            elif await begin(conn, bundle, row, at, bot_id=settings.bot_id):
                begun.append(row["id"])
            else:
                tally["spared"] += 1
    return Begun(begun, **tally)


@task(name="follow", task_run_name="follow the removals", cache_policy=NO_CACHE, timeout_seconds=120, retries=2)
async def follow_removals(ids: Sequence[int]) -> dict[str, int]:
    """Wait until the calls have left, for a minute at most, and tell who is out; state → how many of these.

    The bot settles them too, as Telegram tells it who left; the next run sees to the rest.
    """
    began, bot_id = time.monotonic(), load_settings().bot_id
    async with connection() as conn:
        bundle = await bundle_in_force(conn)
        while True:
            await settle(conn, bundle, await sop_now(conn), bot_id=bot_id, put_out=left)
            found = await states(conn, ids)
            if not found.get("waiting") or time.monotonic() - began > FOLLOW_S or not await service_alive(conn):
                return found
            await asyncio.sleep(LOOK_S)


@task(name="report", task_run_name="list who is to leave", cache_policy=NO_CACHE, retries=2)
async def report_removals(found: Found, zone: str, removes: bool) -> None:
    """The list as a table, as it stands by now: member numbers only, and what to press. Of nobody there is none."""
    if not found.listed:
        return
    async with connection() as conn:
        now = await outcomes(conn, [row["id"] for row in found.listed])
    rows = [
        {
            "removal": row["id"],
            "member": row["member_id"],
            "group": row["title"],
            "held": row["plan"],
            "grace over": local(row["due_at"], zone),
            "stands": removal_words(*now.get(row["id"], (row["state"], row["why"]))),
        }
        for row in found.listed
    ]
    await acreate_table_artifact(rows, key="access-removals", description=_about_removals(found, removes))
    get_run_logger().info("%s listed", count(len(rows), "member"))


def _about_removals(found: Found, removes: bool) -> str:
    if not removes:
        return (
            "Whose time is over. They are only listed here: none is removed, by `access.remove` or as this run is dry."
        )
    about = "Whose time is over, and what became of them. `sop access removals keep ID` keeps somebody who is to leave."
    return about + (" `sop access removals approve` removes all that wait." if found.asked else "")


async def _spared(conn: Connection, bot: Bot | None, row: Row, staff_chat: int | None) -> str | None:
    """Why they stay, by how they stand in the chat and among staff; None: they are to leave."""
    here = await standing(conn, bot, row["chat_id"], row["telegram_id"])
    if here is None:
        return "unknown"
    if not here.present:
        return "outside"
    if here.leads or here.bot:
        return "administrator"
    if staff_chat is None:
        return None
    there = await standing(conn, bot, staff_chat, row["telegram_id"])
    if there is None:
        await _tell_of_staff_chat(conn, staff_chat)
        return "unknown"
    return "staff" if there.present else None


async def _tell_of_staff_chat(conn: Connection, staff_chat: int) -> None:
    about = Alert(
        "removals:staff-chat",
        "Nobody is removed: Telegram does not say who is in the staff chat",
        f"chat {staff_chat}",
        "Check SOP_STAFF_CHAT, and that the bot is in that chat; the next run goes on.",
        lasting=True,
    )
    await alert(conn, about, await sop_now(conn))


async def standing(conn: Connection, bot: Bot | None, chat_id: int, user_id: int) -> Standing | None:
    """Asked at the pace of the bot's budget, which members' messages come out of as well. None: nobody said."""
    if bot is None:
        return None
    slot = await next_slot(conn, load_settings().bot_id)
    await asyncio.sleep(max(0.0, slot - time.monotonic()))
    return await ask_standing(bot, chat_id, user_id)
