"""`sop status`: the installation on one screen."""

import asyncio
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from community.bundle import Bundle
from community.database.installation import sop_now, versions
from community.outbox.alerts import lately, undelivered
from community.outbox.overview import failures, in_force, pace
from community.outreach.attainment import Punctuality, of_groups, of_stages
from community.outreach.proposals import open_proposals
from community.outreach.report import last_plans
from community.playbook_types import format_duration
from deployments.cli.halt import print_halts
from deployments.cli.outbox import print_counts, print_forecast
from deployments.cli.output import console, local, print_table
from deployments.cli.refused import print_refused
from deployments.cli.session import Session, session
from tasks.punctuality import HEAD, shares, total
from tasks.words import count, reason_words


def status(*, groups: bool) -> None:
    """Print queue, rate, forecast, last plans, failures, what was refused, halts and versions; or how groups fare."""
    asyncio.run(_groups() if groups else _status())


async def _groups() -> None:
    async with session() as s:
        bundle = await s.bundle()
        _print_punctual("home group", await of_groups(s.conn, bundle.playbook, await sop_now(s.conn)), bundle)


async def _status() -> None:
    async with session() as s:
        bundle = await s.bundle()
        print(f"Bot {s.settings.bot_id}, {s.settings.effective_mode}, {local(datetime.now(UTC), 'UTC')} UTC.")
        await print_counts(s)
        await print_forecast(s)
        await _print_pace(s)
        await print_halts(s)
        await _print_plans(s, bundle)
        if waiting := await open_proposals(s.conn):
            print(f"\n{count(len(waiting), 'plan waits', 'plans wait')} for a word: sop approvals")
        _print_punctual("stage", await of_stages(s.conn, bundle.playbook, await sop_now(s.conn)), bundle)
        await _print_failures(s)
        await _print_alerts(s, bundle)
        await print_refused(s)
        print_table(console(), "Versions", ("what", "version"), await _versions(s))


async def _print_pace(s: Session) -> None:
    now = await pace(s.conn, s.settings.bot_id)
    if now is None:
        print("No rate limit is set yet: the always-on service sets it when it first starts.")
        return
    of = f" of {now.rate:g}" if now.rate else ", no limit"
    print(f"Rate in use: {now.chats / 60:.1f}{of} a second ({count(now.chats, 'chat')} in the last minute).")
    if now.frozen_until_wall and now.frozen_until_wall > datetime.now(UTC):
        print(f"Telegram asked the bot to wait until {local(now.frozen_until_wall, 'UTC')} UTC.")


async def _print_plans(s: Session, bundle: Bundle) -> None:
    zone = bundle.playbook.community.zone
    found = {row["stage"]: row for row in await last_plans(s.conn, bundle.playbook.stages)}
    rows = [_plan(name, found.get(name), zone) for name in bundle.playbook.stages]
    head = ("stage", f"for ({zone})", "planned (UTC)", "planned to send", "deferred", "not sent, commonest reason")
    print_table(console(), "Last run of each stage", head, rows)


def _plan(stage: str, row: dict[str, Any] | None, zone: str) -> tuple[object, ...]:
    if row is None:
        return stage, "never", None, None, None, None
    counts = row["counts"]
    skipped: dict[str, int] = counts.get("skipped", {})
    commonest = max(skipped, key=lambda reason: skipped[reason], default=None)
    why = f"{sum(skipped.values())}: {reason_words(commonest)}" if commonest else None
    moments = local(row["as_of_at"], zone), local(row["planned_wall"], "UTC")
    return stage, *moments, counts.get("send", 0), counts.get("deferred", 0), why


def _print_punctual(what: str, found: Sequence[Punctuality], bundle: Bundle) -> None:
    """How much of what the SOP wanted left in time."""
    rows = [cells for row, cells in zip(found, shares(found), strict=True) if row.wanted]
    within = format_duration(bundle.playbook.on_time)
    print_table(console(), f"Late or on time (within {within}), last 7 days, by {what}", (what, *HEAD), rows)
    print(f"\nOf the last 7 days: {total(found)}.")


async def _print_failures(s: Session) -> None:
    found = await failures(s.conn, s.settings.bot_id)
    rows = [(f.messages, f.state, f.stage, reason_words(f.reason)) for f in found]
    print_table(console(), "Failed and uncertain, by reason", ("messages", "state", "stage", "why"), rows)


async def _print_alerts(s: Session, bundle: Bundle) -> None:
    """What staff are told of, and whether the staff chat takes it."""
    zone, now_at = bundle.playbook.community.zone, await sop_now(s.conn)
    rows = [
        (a.what, a.place, a.next_step, local(a.last_at, zone), local(a.told_at, zone) or "not yet", a.times)
        for a in await lately(s.conn, now_at)
    ]
    head = ("what", "where", "next", f"last ({zone})", "staff told", "times since")
    print_table(console(), "Alerts of the last day", head, rows)
    if rows and s.settings.staff_chat is None:
        print("No staff chat is set (SOP_STAFF_CHAT): nobody is told of these.")
    for lost in await undelivered(s.conn, s.settings.bot_id, now_at):
        why = reason_words(lost.reason)
        print(f"The staff chat did not take {count(lost.messages, 'message')}: {why}. `sop doctor` looks at it.")


async def _versions(s: Session) -> list[tuple[str, str]]:
    published, database = await in_force(s.conn), await versions(s.conn)
    playbook = "none"
    if published:
        at = local(published.published_wall, "UTC")
        playbook = f"{published.bundle[:12]}, published {at} UTC: {published.note}"
    return [
        ("playbook", playbook),
        ("database", f"PostgreSQL {database.postgresql}, migration {database.migration}"),
        *((name, version(name)) for name in ("community-sop", "prefect", "python-telegram-bot")),
        ("python", platform.python_version()),
    ]
