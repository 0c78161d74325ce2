"""`sop member`: show, find, export, erase."""

import asyncio
from collections.abc import Iterator
from typing import Any

import typer

from community.database.installation import sop_now
from community.errors import SopError, UnknownMember
from community.members.models import Member
from community.members.names import clean_name, display_name
from community.members.people import search
from community.members.profile import my_data
from community.members.suppression import SUPPRESSION
from community.outbox.overview import history
from community.privacy.personal import erase as erase_member, export as export_member
from deployments.cli.output import console, local, print_json, print_table
from deployments.cli.session import session
from tasks.words import STATES, count, reason_words


def show(name: str, limit: int) -> None:
    """Print who the member is, and the newest messages to them."""
    asyncio.run(_show(name, limit))


def find(text: str, limit: int) -> None:
    """Print members whose name or @username contains the text. Raises UnknownMember when there is none."""
    asyncio.run(_find(text, limit))


def export(name: str) -> None:
    """Print everything known about the member, as JSON."""
    print_json(asyncio.run(_export(name)))


def erase(name: str, *, sure: bool) -> None:
    """Remove everything of the member, after asking unless `sure`. Raises SopError when the operator says no."""
    asyncio.run(_erase(name, sure))


def name_of(member: Member) -> str:
    """What the member is called."""
    return display_name(member.first_name, member.last_name, member.username)


async def _show(name: str, limit: int) -> None:
    async with session() as s:
        zone = (await s.bundle()).playbook.community.zone
        member = await s.member(name)
        data, sent = await my_data(s.conn, member), await history(s.conn, member.id, limit)
    out = console()
    print_table(out, f"Member {member.id}, {name_of(member)}", ("what", "value"), _facts(member, data, zone))
    rows = [
        (
            m["id"],
            f"{m['stage']}/{m['step']}",
            STATES[m["state"]].partition(":")[0],
            local(m["sent_at"] or m["due_at"], zone),
            reason_words(m["reason"]) if m["reason"] else None,
        )
        for m in sent
    ]
    print_table(out, f"Newest messages ({zone})", ("message", "what", "state", "sent or due", "why"), rows)


def _facts(member: Member, data: dict[str, Any], zone: str) -> Iterator[tuple[str, object]]:
    username = clean_name(member.username)
    yield "Telegram id", member.telegram_id
    yield "username", f"@{username}" if username else None
    yield "language, zone", f"{data['language'] or 'as the community'}, {data['zone'] or 'as the community'}"
    yield "private chat", member.dm
    yield "opted out since", local(member.opted_out_at, zone)
    yield "source", data["source"]
    yield "tags", ", ".join(data["tags"]) or None
    yield "groups now", ", ".join(data["groups"]) or None
    yield "promised follow-ups", data["follow_ups"]
    for what in ("first_seen_at", "entered_at", "left_at", "last_active_at"):
        yield what.removesuffix("_at").replace("_", " "), local(getattr(member, what), zone)


async def _find(text: str, limit: int) -> None:
    async with session() as s:
        zone = (await s.bundle()).playbook.community.zone
        found = await search(s.conn, text, limit)
    if not found:
        raise UnknownMember(f"{text!r}: in nobody's name; a number or tg:<Telegram id> goes to `sop member show`")
    rows = [
        (m.id, name_of(m), clean_name(m.username) or None, m.telegram_id, m.dm, local(m.last_active_at, zone))
        for m in found
    ]
    print_table(console(), None, ("member", "name", "username", "Telegram id", "private chat", "last active"), rows)


async def _export(name: str) -> dict[str, Any]:
    async with session() as s:
        return await export_member(s.conn, await s.member(name))


async def _erase(name: str, sure: bool) -> None:
    async with session() as s:
        member = await s.member(name)
        question = f"Erase everything of member {member.id} ({name_of(member)}, tg:{member.telegram_id}) for good?"
        if not (sure or typer.confirm(question)):
            raise SopError(f"member {member.id}: not erased")
        secret = s.settings.lasting_secret(SUPPRESSION)
        removed = await erase_member(s.conn, member, secret, await sop_now(s.conn))
    print(f"Member {member.id} is erased: {', '.join(f'{what} {rows}' for what, rows in removed.items())}.")
    print(f"{count(sum(removed.values()), 'row')} removed or made anonymous; kept: this count, and a keyed hash.")
