"""Reconciliation: asked of Telegram where our records and what members hold differ, listed, repaired on request."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from prefect import get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE

from community.channels.standing import inquiry
from community.database.installation import sop_now
from community.database.pool import Connection
from community.groups.membership import admit, left
from community.members.people import by_id
from community.payments.inquiry import Inquiry, doubts, holders, in_turn
from community.payments.reconciliation import Finding, Kind, findings, repair
from community.settings import load_settings
from tasks.access import standing
from tasks.remedies import remedy
from tasks.storage import bundle_in_force, connection
from tasks.words import count

MOST_ASKED = 300
"""Members of whom Telegram is asked in one run: at the bot's pace, ten seconds of it."""
MOST_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """Of how many Telegram was asked, and how many stood otherwise than we knew; that is put right.

    `left_out`: of those who do not fit.
    """

    asked: int = 0
    corrected: int = 0
    left_out: int = 0


@task(name="ask", task_run_name="ask Telegram who is in", cache_policy=NO_CACHE, timeout_seconds=900)
async def ask_memberships() -> Asked:
    """Ask how those in question really stand, and some of the others; bring our records up to date."""
    settings = load_settings()
    async with AsyncExitStack() as opened:
        conn = await opened.enter_async_context(connection())
        playbook, at = (await bundle_in_force(conn)).playbook, await sop_now(conn)
        doubted = doubts(await findings(conn, playbook, at, staff_chat=settings.staff_chat))
        chosen = in_turn([*doubted, *await holders(conn, playbook, at)], MOST_ASKED, at.toordinal())
        left_out = len({each for kind in doubted for each in kind} - set(chosen))
        if not chosen:
            return Asked()
        bot = await opened.enter_async_context(inquiry(settings.token, settings.telegram_api))
        if bot is None:
            return Asked(left_out=sum(map(len, doubted)))
        corrected = 0
        for each in chosen:
            known = await standing(conn, bot, each.chat_id, each.telegram_id)
            if known is not None and known.present != each.present:
                await _correct(conn, each, present=known.present)
                corrected += 1
    return Asked(len(chosen), corrected, left_out)


async def _correct(conn: Connection, each: Inquiry, *, present: bool) -> None:
    """As if Telegram had told by itself that they came in or left."""
    at = await sop_now(conn)
    if await by_id(conn, each.member_id) is None:
        return
    if present:
        await admit(conn, each.member_id, each.group_id, at, None, home=False)
    else:
        await left(conn, each.member_id, each.group_id, at)


@task(name="compare", task_run_name="compare terms, ledger and groups", cache_policy=NO_CACHE, retries=2)
async def compare() -> list[Finding]:
    """All that does not fit now."""
    settings = load_settings()
    async with connection() as conn:
        playbook = (await bundle_in_force(conn)).playbook
        return await findings(conn, playbook, await sop_now(conn), staff_chat=settings.staff_chat)


@task(name="repair", task_run_name="repair what was chosen", cache_policy=NO_CACHE, timeout_seconds=900)
async def mend(found: Sequence[Finding], kinds: Sequence[Kind]) -> dict[Kind, int]:
    """Repair what is of these kinds; how many of each."""
    settings = load_settings()
    async with connection() as conn:
        bundle, at = await bundle_in_force(conn), await sop_now(conn)
        chosen = [each for each in found if each.kind in kinds]
        done = await repair(conn, bundle, chosen, at, bot_id=settings.bot_id, staff_chat=settings.staff_chat)
    get_run_logger().info("%s of %s repaired", count(sum(done.values()), "finding"), len(chosen))
    return done


@task(name="report", task_run_name="list what does not fit", cache_policy=NO_CACHE, retries=2)
async def report_findings(found: Sequence[Finding], asked: Asked) -> None:
    """A table of what does not fit, and what to press for it: member numbers only."""
    rows = [
        {
            "kind": each.kind.value,
            "member": each.member_id,
            "group": each.title,
            "what does not fit": each.about,
            "to press": remedy(each),
        }
        for each in found[:MOST_LISTED]
    ]
    key = "access-reconciliation"
    if not rows:
        await acreate_markdown_artifact(f"**All fits.** {_asked_words(asked)}", key=key)
        return
    more = f" The first {MOST_LISTED:,} of {len(found):,}." if len(found) > len(rows) else ""
    about = f"Run this deployment with `repair` to mend whole kinds, or press what stands beside.{more} "
    await acreate_table_artifact(rows, key=key, description=about + _asked_words(asked))


def _asked_words(asked: Asked) -> str:
    """Of how many Telegram was asked, and what came of it."""
    corrected = f"{asked.corrected:,} stood otherwise than we knew, which is put right" if asked.corrected else ""
    left_out = f"{asked.left_out:,} more were left to the next run" if asked.left_out else ""
    parts = [f"Telegram was asked about {count(asked.asked, 'member')}", corrected, left_out]
    return "; ".join(filter(None, parts)) + "."
