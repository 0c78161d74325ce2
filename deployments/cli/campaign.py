"""`sop campaign`."""

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from community.database.installation import sop_now
from community.errors import SopError, UnknownProposal
from community.outbox.stop import Waiting, stop_live, stop_plan, stop_stage, waiting
from community.outreach.proposals import find_proposal
from deployments.cli.output import console, local, print_table
from deployments.cli.session import Session, session
from tasks.words import age, count

LIVE = re.compile("live:([0-9]{1,18})")


def listing(limit: int) -> None:
    """Print what waits, by stage, live session and plan."""
    asyncio.run(_listing(limit))


def stop(what: str) -> None:
    """Cancel for good what waits of it."""
    asyncio.run(_stop(what))


async def _listing(limit: int) -> None:
    async with session() as s:
        zone, now_at = (await s.bundle()).playbook.community.zone, await sop_now(s.conn)
        found = await waiting(s.conn, s.settings.bot_id)
    head = ("stop it by", "messages", "oldest due for", f"first due ({zone})", f"last due ({zone})")
    lives = [each for each in found if each.live is not None]
    _print("By stage", head, _sums(found, lambda each: each.stage, now_at, zone))
    _print(
        "By live session", (*head, "title"), _sums(lives, lambda each: f"live:{each.live}", now_at, zone, title=True)
    )
    plans = _sums(found, lambda each: str(each.plan_id), now_at, zone, stage=True)
    _print(f"By plan ({min(limit, len(plans)):,} of {len(plans):,})", (*head, "stage"), plans[:limit])
    if not found:
        print("Nothing waits.")


def _print(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    print_table(console(), title, head, rows)


def _sums(
    found: Sequence[Waiting], name: Callable[[Waiting], str], now_at: datetime, zone: str, **more: Any
) -> list[tuple[object, ...]]:
    """A row for each name, with what else of it is asked for; the largest first."""
    parts: dict[str, list[Waiting]] = {}
    for each in found:
        parts.setdefault(name(each), []).append(each)
    rows = []
    for key, some in parts.items():
        first, last = min(each.oldest_at for each in some), max(each.latest_at for each in some)
        about = [getattr(some[0], field) for field in more]
        number = sum(each.messages for each in some)
        rows.append((key, number, age(now_at - first), local(first, zone), local(last, zone), *about))
    return sorted(rows, key=lambda row: -int(row[1]))


async def _stop(what: str) -> None:
    async with session() as s:
        stopped, name = await _cancel(s, what.strip())
        if stopped:
            print(f"{name}: {count(stopped, 'message')} cancelled for good. What was on its way still arrives.")
        else:
            print(f"{name}: nothing of it waits.")


async def _cancel(s: Session, what: str) -> tuple[int, str]:
    bot_id, stages = s.settings.bot_id, (await s.bundle()).playbook.stages
    if what in stages or what.removeprefix("stage:") in stages:
        stage = what.removeprefix("stage:")
        stopped = await stop_stage(s.conn, bot_id, stage)
        print(f"What {stage} plans from now on is sent: `sop stage pause {stage}` holds that back too.")
        return stopped, stage
    if live := LIVE.fullmatch(what):
        return await stop_live(s.conn, bot_id, int(live[1])), what
    number = await _plan(s, what)
    return await stop_plan(s.conn, bot_id, number), f"plan {number}"


async def _plan(s: Session, what: str) -> int:
    """A plan's number, or that of a proposal's hash."""
    if what.isdecimal() and len(what) <= 9:
        return int(what)
    try:
        return (await find_proposal(s.conn, what)).id
    except UnknownProposal:
        raise SopError(f"{what}: neither a stage, a plan, nor live:ID; see `sop campaign list`") from None
