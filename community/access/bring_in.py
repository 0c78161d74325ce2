"""Terms brought in by a list: what members of an existing community hold already."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from community.access.coverage import over
from community.access.grant import bought, is_bought, plan_of, purchase
from community.access.models import Term
from community.access.put_off import put_off
from community.access.words import utc
from community.activity.counted import keep_counter_out, mark_late_since
from community.activity.record import reach_many, record
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.playbook import Playbook
from community.playbook_types import Amount

queries = load(__file__, "bring_in.sql")

LIST = "list"
Row = dict[str, Any]
NAMES = (
    *("number", "member_id", "plan", "line", "trial", "starts_at", "ends_at"),
    *("paid_minor", "currency", "source", "by"),
)
Problem = tuple[int, str]
"""A line's number, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class ListedTerm:
    """A term of a list. `number`: its line, by which problems are told."""

    number: int
    telegram_id: int
    plan: str
    starts_at: datetime
    ends_at: datetime | None
    paid: Amount | None
    source: str = LIST
    """`list`, or the provider of the payment that it was bought with."""
    by: str | None = None
    """The payment's number; None: whoever brings the list."""


@dataclass(frozen=True, slots=True)
class TermsBroughtIn:
    """What came of a list. With problems, nothing was added."""

    added: int = 0
    known: int = 0
    problems: Sequence[Problem] = ()


async def bring_in_terms(
    conn: Connection, playbook: Playbook, listed: Sequence[ListedTerm], at: datetime, *, by: str, note: str
) -> TermsBroughtIn:
    """The terms of a list, all of them or none; those that are there already stay. Plans are of the playbook.

    What was paid for counts as a purchase of when the term began. A term that is there without a payment becomes that
    of the payment that the list brings for it.
    """
    async with transaction(conn):
        await keep_counter_out(conn)
        await conn.execute(queries.take_all_turns)
        ids = await _members(conn, listed)
        rows = [_row(playbook, term, ids[term.telegram_id], by) for term in listed if term.telegram_id in ids]
        there = await (await conn.execute(queries.in_the_way, _columns(rows))).fetchall()
        if problems := [*_strangers(listed, ids), *_within(rows), *_with_others(there)]:
            return TermsBroughtIn(problems=sorted(problems))
        known = {row["number"] for row in there}
        new = [row for row in rows if row["number"] not in known]
        if new:
            await _add(conn, playbook, new, {"at": at, "note": note})
        if bought_with := [row for row in rows if row["number"] in known and row["source"] != LIST]:
            await _adopt(conn, playbook, bought_with, there, at)
        if first := min((row["starts_at"] for row in rows), default=None):
            await mark_late_since(conn, first, at)
    return TermsBroughtIn(len(new), len(known))


async def _members(conn: Connection, listed: Sequence[ListedTerm]) -> dict[int, int]:
    wanted = sorted({term.telegram_id for term in listed})
    rows = await (await conn.execute(queries.members, {"telegram_ids": wanted})).fetchall()
    return {row["telegram_id"]: row["id"] for row in rows}


def _row(playbook: Playbook, term: ListedTerm, member_id: int, by: str) -> Row:
    plan = plan_of(playbook, term.plan)
    return {
        "number": term.number,
        "member_id": member_id,
        "plan": term.plan,
        "line": plan.line,
        "trial": plan.trial,
        "starts_at": term.starts_at,
        "ends_at": term.ends_at,
        "paid_minor": term.paid.minor if term.paid else None,
        "currency": term.paid.currency if term.paid else None,
        "source": term.source,
        "by": term.by or by,
    }


def _columns(rows: Sequence[Row]) -> Row:
    return {name: [row[name] for row in rows] for name in NAMES}


def _strangers(listed: Sequence[ListedTerm], ids: Mapping[int, int]) -> Iterator[Problem]:
    for term in listed:
        if term.telegram_id not in ids:
            yield term.number, f"telegram_id {term.telegram_id}: no such member; `sop import members` first"


def _within(rows: Sequence[Row]) -> Iterator[Problem]:
    """Lines of one member and line of plans that overlap."""
    last: Row | None = None
    for row in sorted(rows, key=lambda row: (row["member_id"], row["line"], row["starts_at"], row["number"])):
        same = last and (last["member_id"], last["line"]) == (row["member_id"], row["line"])
        if last and same and (last["ends_at"] is None or last["ends_at"] > row["starts_at"]):
            yield row["number"], f"{row['plan']}: overlaps line {last['number']}"
            if last["ends_at"] is None or (row["ends_at"] and row["ends_at"] <= last["ends_at"]):
                continue
        last = row


def _with_others(there: Sequence[Row]) -> Iterator[Problem]:
    for row in there:
        if not row["same"]:
            span = f"{utc(row['starts_at'])} to {utc(row['ends_at'])}"
            yield row["number"], f"overlaps term {row['id']} ({row['plan']}, {span})"


async def _add(conn: Connection, playbook: Playbook, new: Sequence[Row], how: Row) -> None:
    added = await conn.execute(queries.add_listed, {**_columns(new), **how})
    terms = [Term(**row) for row in await added.fetchall()]
    found = await conn.execute(queries.followed, {"ids": [term.id for term in terms]})
    followed = [Term(**row) for row in await found.fetchall()]
    await put_off(conn, list({term.member_id for term in terms}))
    await _bought(conn, playbook, terms, how["at"])
    await reach_many(conn, [(term.member_id, over(term), how["at"]) for term in followed])


async def _adopt(
    conn: Connection, playbook: Playbook, bought_with: Sequence[Row], there: Sequence[Row], at: datetime
) -> None:
    """Make terms that are there those of the payments they were bought with."""
    term_ids = {row["number"]: row["id"] for row in there}
    values = _columns(bought_with) | {"id": [term_ids[row["number"]] for row in bought_with]}
    rows = await (await conn.execute(queries.adopt, values)).fetchall()
    await _bought(conn, playbook, [Term(**row) for row in rows], at)


async def _bought(conn: Connection, playbook: Playbook, terms: Sequence[Term], at: datetime) -> None:
    """What was paid for is a purchase of when its term began."""
    purchases = [
        purchase(term, term.plan, min(term.starts_at, at))
        for term in terms
        if is_bought(plan_of(playbook, term.plan), term.source, term.paid)
    ]
    await record(conn, purchases)
    await reach_many(conn, [(p.member_id, bought(p.data["plan"]), p.at) for p in purchases if p.member_id])
