"""`sop live`."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, get_args

import typer

from community.database.installation import sop_now
from community.errors import LiveRefused, PrefectUnavailable
from community.history.datasets import write_csv
from community.insight.listed import Came, attended, listed
from community.live import sessions
from community.live.ladder import STAGE, rungs
from community.live.models import Live
from community.live.people import questions
from community.live.requests import new_live, new_times
from community.live.results import Result, result
from community.live.viewers import bring_in_viewers, read_viewers
from community.live_actions import start_payload
from community.members.names import display_name
from community.playbook import Playbook
from community.playbook_types import parse_duration
from deployments.cli.output import console, local, one_line, print_table
from deployments.cli.session import Session, bot_name, session
from deployments.preflight import prefect_api
from tasks.words import count

EVER = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class Asked:
    """A session as the command line names it."""

    title: str
    start: str
    link: str
    speaker: str
    materials: str | None
    length: str
    announce: str | None
    window: str
    offered: Mapping[str, Any]


def add(asked: Asked) -> None:
    """Add a session and print it. Raises LiveRefused naming what is wrong."""
    asyncio.run(_add(asked))


def list_lives(*, everything: bool) -> None:
    """Print the sessions."""
    asyncio.run(_list(everything))


def show(which: str, *, rows: bool, limit: int) -> None:
    """Print one session; with `rows` those who registered and watched, so many of each."""
    asyncio.run(_show(which, limit if rows else 0))


def move(which: str, start: str | None, length: str | None, announce: str | None, window: str | None) -> None:
    """Move a session and print its new rungs. Raises LiveRefused."""
    asyncio.run(_move(which, start, length, announce, window))


def cancel(which: str, *, sure: bool) -> None:
    """Cancel a session, after asking unless `sure`. Raises LiveRefused when the operator says no."""
    asyncio.run(_cancel(which, sure))


def viewers(which: str, file: Path, *, apply: bool) -> None:
    """Show whom a list counts as viewers, or count them. Raises ImportRefused when a line is wrong."""
    asyncio.run(_viewers(which, file, apply))


def export_questions(which: str, file: Path) -> None:
    """Write the session's questions to a file."""
    asyncio.run(_export_questions(which, file))


async def _add(asked: Asked) -> None:
    async with session() as s:
        playbook = (await s.bundle()).playbook
        zone, now = playbook.community.zone, await sop_now(s.conn)
        starts_at = await s.moment(asked.start, zone, "--start")
        given = {name: value for name, value in asked.offered.items() if value is not None}
        if given and "plan" not in given:
            raise LiveRefused("--plan: missing; a live price is for a plan of the playbook")
        values = {
            "title": asked.title,
            "speaker": asked.speaker,
            "url": asked.link,
            "materials": asked.materials,
            "starts_at": starts_at,
            "ends_at": starts_at + _span(asked.length, "--length"),
            "announce_at": await s.moment(asked.announce, zone, "--announce") if asked.announce else None,
            "window": _span(asked.window, "--window"),
        }
        live = await sessions.add(s.conn, playbook, new_live(values, given), now)
        _print(live, playbook, now)
        print(f"\nWhoever presses Start here is registered: {await _start_url(s, live)}")
        print(await show_in_prefect(s))


async def _list(everything: bool) -> None:
    async with session() as s:
        zone, now = (await s.bundle()).playbook.community.zone, await sop_now(s.conn)
        found = await sessions.overview(s.conn, now - (EVER if everything else sessions.SHOWN_FOR))
    if not found:
        print("No live sessions: `sop live add` announces one.")
    rows = [
        (
            row["id"],
            row["title"],
            local(row["starts_at"], zone),
            _standing(row, now),
            row["registered"],
            row["watched"],
            row["coupon"],
            row["remaining"],
        )
        for row in found
    ]
    head = ("live", "title", f"start ({zone})", "now", "registered", "watched", "coupon", "left")
    print_table(console(), None, head, rows)


async def _show(which: str, limit: int) -> None:
    async with session() as s:
        playbook, now = (await s.bundle()).playbook, await sop_now(s.conn)
        live = await sessions.find(s.conn, which)
        found = await result(s.conn, playbook.stages.get(STAGE), live)
        _print(live, playbook, now)
        print_table(console(), "So far", ("what", "number"), _figures(found))
        if limit:
            await _print_rows(s, live, playbook.community.zone, limit)
        print(f"\nWhoever presses Start here is registered: {await _start_url(s, live)}")


async def _print_rows(s: Session, live: Live, zone: str, limit: int) -> None:
    """Who came, by what the numbers are of."""
    for came in get_args(Came):
        found = await (await listed(s.conn, attended(live.id, came), limit)).fetchall()
        lines = [(local(row["at"], zone), row["member_id"], row["source"]) for row in found]
        print_table(console(), came.capitalize(), ("at", "member", "source"), lines)
        if len(found) == limit:
            print(f"The first {limit:,}; more with --limit.")


async def _move(which: str, start: str | None, length: str | None, announce: str | None, window: str | None) -> None:
    async with session() as s:
        playbook, now = (await s.bundle()).playbook, await sop_now(s.conn)
        zone, live = playbook.community.zone, await sessions.find(s.conn, which)
        starts_at = await s.moment(start, zone, "--start") if start else None
        times = new_times(
            starts_at=starts_at,
            ends_at=(starts_at or live.starts_at) + _span(length, "--length") if length else None,
            announce_at=await s.moment(announce, zone, "--announce") if announce else None,
            window=_span(window, "--window") if window else None,
        )
        moved = await sessions.move(s.conn, live.id, times, now, bot_id=s.settings.bot_id)
        _print(moved, playbook, now)
        print(await show_in_prefect(s))


async def _cancel(which: str, sure: bool) -> None:
    async with session() as s:
        zone, now = (await s.bundle()).playbook.community.zone, await sop_now(s.conn)
        live = await sessions.find(s.conn, which)
        named = f"live {live.id} ({one_line(live.title)}, {local(live.starts_at, zone)})"
        if not (sure or typer.confirm(f"Cancel {named}?")):
            raise LiveRefused(f"live {live.id}: not cancelled")
        await sessions.cancel(s.conn, live.id, now, bot_id=s.settings.bot_id)
        told = "its offer is over" if live.ends_at <= now else "whoever registered is told"
        print(f"Cancelled: {named}; {told}.")
        print(await show_in_prefect(s))


async def _viewers(which: str, file: Path, apply: bool) -> None:
    async with session() as s:
        live = await sessions.find(s.conn, which)
        found = await read_viewers(s.conn, file)
        print(f"Live {live.id}, {one_line(live.title)}: {count(len(found), 'viewer')} in the list.")
        if not apply:
            print("Nothing was written. To count them: the same with --apply.")
            return
        await bring_in_viewers(s.conn, live, found, await sop_now(s.conn))


async def _export_questions(which: str, file: Path) -> None:
    async with session() as s:
        zone = (await s.bundle()).playbook.community.zone
        live = await sessions.find(s.conn, which)
        asked = await questions(s.conn, live.id)
    rows = [
        (
            local(row["at"], zone),
            row["member_id"],
            display_name(row["first_name"], row["last_name"], row["username"]),
            row["question"],
        )
        for row in asked
    ]
    write_csv(file, (f"asked ({zone})", "member", "name", "question"), rows)
    print(f"{one_line(file)}: {count(len(rows), 'question')} for {one_line(live.title)}.")


async def show_in_prefect(s: Session) -> str:
    """Make the runs ahead those of the database; in words, how that went. The database has it all already."""
    os.environ["PREFECT_API_URL"] = prefect_api(s.settings)
    from deployments.runs import ask  # Prefect takes seconds to import
    from tasks.live_runs import match_runs, runs_ahead

    wanted = await runs_ahead(s.conn, await s.bundle())
    try:
        shown = await ask(partial(match_runs, wanted, datetime.now(UTC)))
    except PrefectUnavailable as error:
        return f"Not shown in Prefect yet: {error}. It happens all the same; the stage's next run shows it."
    return f"Prefect's upcoming runs: {shown.added} added, {shown.removed} removed."


def _print(live: Live, playbook: Playbook, now: datetime) -> None:
    out, zone = console(), playbook.community.zone
    print_table(out, f"Live {live.id}", ("what", "value"), _facts(live, zone, now))
    stage = playbook.stages.get(STAGE)
    found = rungs(stage.steps if stage else (), live)
    rows = [(rung.name, local(rung.at, zone), "over" if rung.at <= now else "") for rung in found]
    print_table(out, f"Rungs ({zone})", ("rung", "at", ""), rows)
    if stage is None or not stage.enabled:
        print(f"\nThe stage {STAGE} is switched off in the playbook in force: none of this is sent.")


def _facts(live: Live, zone: str, now: datetime) -> Iterator[tuple[str, object]]:
    yield "title", live.title
    yield "speaker", live.speaker or None
    yield "watched at", live.url
    yield "materials", live.materials
    yield "from, to", f"{local(live.starts_at, zone)}, {local(live.ends_at, zone)}"
    yield "on offer", live.plan
    yield "coupon", live.coupon
    yield "window until", local(live.window_until_at, zone) if live.plan else None
    yield "now", _standing(live.model_dump(), now)


def _figures(found: Result) -> Iterator[tuple[str, object]]:
    yield "announced to", found.announced
    yield "registered", found.registered
    yield "watched", found.watched
    yield "questions", found.questions
    yield "bought", found.bought
    yield "of the viewers", None if found.conversion is None else f"{found.conversion:.1f} %"
    yield "live price used", found.coupons
    yield "revenue at it", ", ".join(map(str, found.revenue)) or None


def _standing(row: Mapping[str, Any], now: datetime) -> str:
    """Where a session stands, in a word or two."""
    if row["cancelled_at"]:
        return "cancelled"
    stages = {"to come": row["starts_at"], "on air": row["ends_at"], "offer open": row["window_until_at"]}
    return next((words for words, until in stages.items() if now < until), "over")


async def _start_url(s: Session, live: Live) -> str:
    return f"https://t.me/{await bot_name(s.settings) or '<your bot>'}?start={start_payload(live.id)}"


def _span(text: str, option: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise LiveRefused(f"{option}: {error}") from None
