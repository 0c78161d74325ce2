"""Reconciliation (SOP 6.10): what members hold, what the ledger says, and who is really in the groups."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from community.access.doors import astray, columns, doors
from community.access.grant import grant
from community.access.removals import propose
from community.access.terms import revoke, terms_of
from community.access.ways import close_ways, send_way
from community.bundle import Bundle
from community.database.pool import Connection
from community.database.queries import load
from community.payments.fulfil import covered_for_life
from community.payments.settle import settle
from community.payments.till import Till
from community.payments.truth import Difference, differences, uneven
from community.playbook import Playbook

queries, payment_queries = load(__file__, "reconciliation.sql"), load(__file__)

REPAIR = "repair"
"""Who has revoked what was too much."""
REVOKED = re.compile(r"[0-9-]{10} [0-9:]{5} UTC (.+?): revoked(?:: |$)")
"""A line in a term's note, with who it was."""


class Kind(StrEnum):
    """What does not fit, and what a repair does about it."""

    outside = "outside"
    """Holds what opens a group, and is not in it. Repair: the way in is sent again."""
    unpaid = "unpaid"
    """In a group, and what they held for it is over, grace and all. Repair: listed for removal."""
    unknown = "unknown"
    """In a group, and never held anything for it. No repair: a human grants it, or takes them out."""
    ledger = "ledger"
    """A payment gives more or less than was booked. Repair: it is settled again; what is still missing is granted from
    now on, what is too much is revoked."""
    uneven = "uneven"
    """A payment's rows tell different things. Repair: it is settled again."""
    revoked = "revoked"
    """Staff have revoked what a payment gave, and its money is here. No repair: they refund it, or grant it again."""
    astray = "astray"
    """A plan opens a group that the bot is not in. No repair: add the bot, or change the playbook."""


REPAIRED = (Kind.outside, Kind.unpaid, Kind.ledger, Kind.uneven)
"""Kinds for which there is a repair."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not fit. `about`: in a few words."""

    kind: Kind
    about: str
    member_id: int | None = None
    telegram_id: int | None = None
    group_id: int | None = None
    chat_id: int | None = None
    title: str | None = None
    payment: tuple[str, str] | None = None


async def findings(
    conn: Connection, playbook: Playbook, at: datetime, *, staff_chat: int | None, member_id: int | None = None
) -> list[Finding]:
    """All that does not fit, of one member or everyone. Reads only."""
    found = [
        *await _memberships(conn, playbook, at, staff_chat, member_id),
        *await _ledger(conn, member_id),
    ]
    if member_id is None:
        missing = await astray(conn, playbook)
        found += [Finding(Kind.astray, f"{plan} opens {chat!r}") for chat, plan in missing.items()]
    return found


async def repair(
    conn: Connection, bundle: Bundle, found: Sequence[Finding], at: datetime, *, bot_id: int, staff_chat: int | None
) -> dict[Kind, int]:
    """Mend what can be mended, each in its own transaction; returns how many by kind. Safe to repeat."""
    done: dict[Kind, int] = {}
    for each in found:
        if await _mend(conn, bundle, each, at, bot_id, staff_chat):
            done[each.kind] = done.get(each.kind, 0) + 1
    return done


async def _mend(
    conn: Connection, bundle: Bundle, each: Finding, at: datetime, bot_id: int, staff_chat: int | None
) -> bool:
    match each:
        case Finding(kind=Kind.outside, member_id=int(who), group_id=int(group)):
            cause = f"repair:{at:%Y-%m-%d}"
            return await send_way(conn, bundle, who, group, at, bot_id=bot_id, cause=cause)
        case Finding(kind=Kind.unpaid, member_id=int(who)):
            return await propose(conn, bundle.playbook, at, staff_chat=staff_chat, member_id=who) > 0
        case Finding(kind=Kind.ledger | Kind.uneven, payment=(provider, charge)):
            await settle(conn, bundle, provider, charge, at, bot_id=bot_id, by=REPAIR)
            if each.member_id is not None:
                await _even_out(Till(conn, bundle, at, bot_id), each.member_id, (provider, charge))
            left = await _ledger(conn, each.member_id, (provider, charge))
            return each.kind not in [other.kind for other in left]
    return False


async def _even_out(till: Till, member_id: int, payment: tuple[str, str]) -> None:
    """Grant what the ledger says was bought and settling did not give; revoke what it says was not.

    Whoever is covered for life has it already.
    """
    about = {"member_id": member_id, "provider": payment[0], "charge": payment[1]}
    async with till.conn.transaction():
        await till.conn.execute(payment_queries.take_turns, about)
        for each in await differences(till.conn, member_id, payment):
            if each.held > each.due:
                await _revoke(till, about, each.due)
            elif each.plan in till.playbook.plans and await _is_missing(till, each, each.plan):
                await _give(till, about, each.plan)


async def _revoke(till: Till, about: dict[str, Any], due: int) -> None:
    rows = await (await till.conn.execute(queries.given, about)).fetchall()
    for row in rows[due:]:
        await revoke(till.conn, row["id"], till.at, by=REPAIR, note=f"{about['charge']}: not in the ledger")
    await close_ways(till.conn, till.playbook, till.at, member_id=about["member_id"])


async def _is_missing(till: Till, each: Difference, plan: str) -> bool:
    return not await covered_for_life(till, each.member_id, plan) and not await _is_overruled(till.conn, each)


async def _give(till: Till, about: dict[str, Any], plan: str) -> None:
    source, by, member_id = about["provider"], about["charge"], about["member_id"]
    note = "repair: in the ledger"
    term = await grant(till.conn, till.playbook, member_id, plan, till.at, source=source, by=by, note=note)
    await till.conn.execute(queries.gives, about | {"term_id": term.id})


async def _is_overruled(conn: Connection, each: Difference) -> bool:
    """Whether the last word on what the payment gave is staff's, who have revoked it."""
    terms = [
        term
        for term in await terms_of(conn, each.member_id)
        if (term.source, term.granted_by) == (each.provider, each.charge) and term.plan == each.plan
    ]
    last = max(terms, key=lambda term: term.id, default=None)
    if last is None or last.revoked_at is None:
        return False
    by = [found[1] for line in last.note.splitlines() if (found := REVOKED.match(line))]
    return bool(by) and by[-1] not in (each.provider, REPAIR)


async def _memberships(
    conn: Connection, playbook: Playbook, at: datetime, staff_chat: int | None, member_id: int | None
) -> list[Finding]:
    values = columns(playbook, await doors(conn, playbook))
    values |= {"at": at, "staff_chat": staff_chat, "member_id": member_id}
    rows = await (await conn.execute(queries.outside, values)).fetchall()
    found = [_finding(Kind.outside, row, _outside(row)) for row in rows]
    rows = await (await conn.execute(queries.inside, values)).fetchall()
    return found + [_finding(Kind.unknown if row["due_at"] is None else Kind.unpaid, row, _inside(row)) for row in rows]


async def _ledger(conn: Connection, member_id: int | None, payment: tuple[str, str] | None = None) -> list[Finding]:
    """What payments give against what was booked, and whether their rows agree; of a member only the former."""
    found = [await _difference(conn, each) for each in await differences(conn, member_id, payment)]
    if member_id is None:
        found += [
            Finding(
                Kind.uneven, f"{each.provider}:{each.charge}: its {each.what}", payment=(each.provider, each.charge)
            )
            for each in await uneven(conn, payment)
        ]
    return found


async def _difference(conn: Connection, each: Difference) -> Finding:
    named, payment = f"{each.provider}:{each.charge}", (each.provider, each.charge)
    if each.held < each.due and await _is_overruled(conn, each):
        about = f"{named} is paid, and staff have revoked what it gave"
        return Finding(Kind.revoked, about, member_id=each.member_id, payment=payment)
    about = f"{named} gives {each.held} of {each.due} terms"
    return Finding(Kind.ledger, about, member_id=each.member_id, payment=payment)


def _finding(kind: Kind, row: dict[str, Any], about: str) -> Finding:
    parts = {name: row[name] for name in ("member_id", "telegram_id", "group_id", "chat_id", "title")}
    return Finding(kind, about, **parts)


def _outside(row: dict[str, Any]) -> str:
    return f"holds {row['plan']}, " + ("has left" if row["left_at"] else "never came in")


def _inside(row: dict[str, Any]) -> str:
    if row["due_at"] is None:
        return "never held anything that opens it"
    return f"held {row['plan']}" + (f"; removal {row['state']}" if row["state"] else "")
