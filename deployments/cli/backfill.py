"""`sop backfill`."""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any

from community.bundle import Bundle
from community.database.installation import sop_now
from community.errors import PrefectUnavailable, ProposalRefused, SopError
from community.outbox.bundles import Bundles
from community.outreach.decide import CANCEL, Execution, approve_now, decide, outcome, stopped
from community.outreach.proposal import COMMAND, Proposal
from community.outreach.proposals import backfills, find_proposal, propose_backfill, sample
from deployments.cli.changes import changes
from deployments.cli.compose import panel, texts_of
from deployments.cli.output import console, local, print_table
from deployments.cli.proposals import print_days, print_finish, print_reasons, state_words
from deployments.cli.session import Session, calendar_day, session
from tasks.words import count, reason_words

LISTED = 50
"""Members named whom the guardrails stopped; more are counted."""
NOBODY = "an operator at the console"


def plan(stage: str, first: str | None, last: str | None, show: int) -> None:
    """Plan the days and print what would be sent; it is kept under its hash."""
    if first is None:
        raise SopError("--from: missing; give the first day to make up, such as 2026-03-04")
    asyncio.run(_plan(stage, calendar_day("--from", first), calendar_day("--to", last or first), show))


def approve(name: str, note: str, by: str) -> None:
    """Send exactly what was planned, and show each day as a run in Prefect."""
    asyncio.run(_approve(name, note, by.strip() or NOBODY))


def cancel(name: str, note: str, by: str) -> None:
    """Let a plan be."""
    asyncio.run(_cancel(name, note, by.strip() or NOBODY))


def listing() -> None:
    """Print the newest backfills."""
    asyncio.run(_listing())


async def _plan(stage: str, first: date, last: date, show: int) -> None:
    async with session() as s:
        bundle, now_at = await s.bundle(), await sop_now(s.conn)
        zone = bundle.playbook.stage(stage).schedule.zone
        found = await propose_backfill(s.conn, bundle, stage, first, last, now_at, bot_id=s.settings.bot_id)
        print(f"Backfill of {stage}, {_span(found, zone)} ({zone}), playbook {bundle.hash[:12]}. Nothing is sent yet.")
        print_days(found)
        print_reasons("Who would not get it, and why", found.skipped)
        await _print_samples(s, found, show)
        print()
        if found.send:
            await print_finish(s, found, bundle.playbook.community.zone)
            _print_next(found, bundle.playbook.community.zone)
        else:
            print("There is nothing to send for these days.")


def _print_next(found: Proposal, zone: str) -> None:
    print(f"Plan {found.id}, hash {found.hash}. To send exactly this, until {local(found.decide_by_at, zone)} {zone}:")
    print(f"  sop backfill --approve {found.hash} --note 'why'")


async def _print_samples(s: Session, found: Proposal, show: int) -> None:
    rows = await sample(s.conn, found.id, show)
    for row, text in zip(rows, await texts_of(s, rows), strict=True):
        console().print(panel(row, text))


async def _approve(name: str, note: str, by: str) -> None:
    async with session() as s:
        found = await _backfill(s, name)
        current, pinned = await s.bundle(), await Bundles().get(s.conn, found.bundle)
        if found.state == "proposed":
            _refuse_changed(found, pinned, current)
            found = await _execute(s, found, pinned, current, by, note)
        if found.state != "executed":
            raise SopError(f"{found.hash}: {state_words(found)}; nothing is sent by this, plan it anew")
        await _print_outcome(s, found, await outcome(s.conn, found))
        print(await _show_in_prefect(s, found, pinned.playbook.stage(found.stage).schedule.zone))


def _refuse_changed(found: Proposal, pinned: Bundle, current: Bundle) -> None:
    if pinned.hash != current.hash:
        print("Since it was planned:")
        for line in changes(pinned, current) or ["only comments or the order of keys"]:
            print(f"  {line}")
        raise ProposalRefused(f"{found.hash}: playbook or copy changed since it was planned; plan it anew")


async def _execute(s: Session, found: Proposal, pinned: Bundle, current: Bundle, by: str, note: str) -> Proposal:
    bot_id, staff_chat = s.settings.bot_id, s.settings.staff_chat
    said = {"by": by, "note": note}
    try:
        await approve_now(
            s.conn, current, pinned, found.id, await sop_now(s.conn), bot_id=bot_id, staff_chat=staff_chat, **said
        )
    except ProposalRefused as error:
        _print_members("Not right any more", error.fallen, len(error.fallen))
        raise
    return await find_proposal(s.conn, str(found.id))


async def _print_outcome(s: Session, found: Proposal, done: Execution) -> None:
    at = local(found.decided_at, (await s.bundle()).playbook.community.zone)
    print(f"{found.hash}, {state_words(found)} at {at}: {count(found.sent, 'message')} put into the outbox.")
    if done.already:
        print(f"{count(done.already, 'message')} had been planned meanwhile by another run.")
    print_reasons("Stopped by the guardrails since it was planned", found.stopped)
    rows = await stopped(s.conn, found.id, LISTED)
    _print_members("Whom", rows, sum(found.stopped.values()))


def _print_members(title: str, rows: Sequence[Any], total: int) -> None:
    shown = [(row["member_id"], row["step"], reason_words(row["reason"])) for row in rows]
    of = f" ({len(rows):,} of {total:,})" if total > len(rows) else ""
    print_table(console(), f"{title}{of}", ("member", "step", "why"), shown)


async def _show_in_prefect(s: Session, found: Proposal, zone: str) -> str:
    """Make each day a run in Prefect, once; in words, how that went."""
    from deployments.cli.in_prefect import point_to_prefect

    point_to_prefect(s.settings)
    from deployments.backfilled import show_days

    days = found.days(zone)
    try:
        deployment = await show_days(found, days)
    except PrefectUnavailable as error:
        again = f"sop backfill --approve {found.hash}"
        return f"The days are not in Prefect yet: {error}. It is all done; to record the runs later: {again}"
    return f"In Prefect: {count(len(days), 'run')}, one for each day, under {deployment}, tagged backfill."


async def _cancel(name: str, note: str, by: str) -> None:
    async with session() as s:
        found = await _backfill(s, name)
        at, bot_id, staff_chat = await sop_now(s.conn), s.settings.bot_id, s.settings.staff_chat
        said = {"by": by, "how": COMMAND, "note": note}
        done = await decide(s.conn, found.id, CANCEL, at, bot_id=bot_id, staff_chat=staff_chat, **said)
        if done is None:
            raise SopError(f"{found.hash}: {state_words(await find_proposal(s.conn, str(found.id)))}; nothing changed")
        print(f"{found.hash}: cancelled, nothing of it is sent.")


async def _listing() -> None:
    async with session() as s:
        playbook = (await s.bundle()).playbook
        zone = playbook.community.zone
        found = await backfills(s.conn)
        rows = []
        for each in found:
            days = _span(each, playbook.stage(each.stage).schedule.zone if each.stage in playbook.stages else zone)
            until = local(each.decide_by_at, zone) if each.state == "proposed" else None
            rows.append(
                (each.hash, each.stage, days, each.send, each.sent, state_words(each), until, each.note or None)
            )
    head = ("hash", "stage", "days", "messages", "sent", "state", f"approve by ({zone})", "note")
    print_table(console(), "Backfills, newest first", head, rows)
    if not rows:
        print("No backfill was planned yet: sop backfill STAGE --from DATE --to DATE")


async def _backfill(s: Session, name: str) -> Proposal:
    found = await find_proposal(s.conn, name)
    if found.kind != "backfill":
        raise SopError(f"{found.hash}: not a backfill; decide on it with `sop approvals --decide {found.hash}`")
    return found


def _span(found: Proposal, zone: str) -> str:
    days = [f"{day}" for day, _ in found.days(zone)]
    return " to ".join(dict.fromkeys((days[0], days[-1])))
