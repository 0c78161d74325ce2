"""Ways into the chats that plans open: links for one member each, made ahead, given with the term, taken back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

from community.access.coverage import runs
from community.access.models import EntryLink, Term
from community.access.terms import terms_of
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.playbook import Playbook

queries = load(__file__, "entry_links.sql")


class Chat(NamedTuple):
    """A chat that a plan opens. `group_id` None: the bot is in none of that name."""

    wish: str
    group_id: int | None
    title: str | None


class Way(NamedTuple):
    """A member's way into a chat. `link` None: they are in already; without an address: it is being made."""

    title: str
    link: EntryLink | None


class Ways(NamedTuple):
    """A member's ways into chats; `astray`: those that the bot is not in."""

    ways: Sequence[Way]
    astray: Sequence[str]

    def shown(self) -> dict[str, Any]:
        """As copy shows them: what lets in, what follows in a moment, where they are in already."""
        links = [(way.title, way.link.invite_link) for way in self.ways if way.link]
        return {
            "entries": [{"title": title, "address": address} for title, address in links if address],
            "awaited": [title for title, address in links if not address],
            "inside": [way.title for way in self.ways if not way.link],
        }


async def chats_of(conn: Connection, playbook: Playbook, plan: str) -> list[Chat]:
    """The chats that the plan opens, in the playbook's order; none of a plan that it has no more.

    A title is looked up once: from then on it means that group, however this one or others are renamed.
    """
    wishes = list(playbook.plans[plan].chats) if plan in playbook.plans else []
    if not wishes:
        return []
    rows = await (await conn.execute(queries.chats, {"wishes": wishes})).fetchall()
    new = [row for row in rows if row["group_id"] is not None and not row["bound"]]
    if new:
        values = {"wishes": [row["wish"] for row in new], "group_ids": [row["group_id"] for row in new]}
        await conn.execute(queries.bind, values)
        rows = await (await conn.execute(queries.chats, {"wishes": wishes})).fetchall()
    return [Chat(row["wish"], row["group_id"], row["title"]) for row in rows]


async def give(conn: Connection, chat: Chat, term: Term, at: datetime, *, order_id: int | None = None) -> Way:
    """A way into the chat for the term's member, in the caller's transaction; a link they have not used stays theirs.

    The chat must be there.
    """
    values = {"group_id": chat.group_id, "member_id": term.member_id, "term_id": term.id, "order_id": order_id}
    if await _row(conn, "is_in", values) is not None:
        return Way(chat.title or "", None)
    link = await _row(conn, "unused", values)
    if link is not None:
        link = await _row(conn, "keep", {"id": link["id"], "term_id": term.id})
    else:
        new = values | {"at": at, "name": f"vip-{uuid4().hex[:20]}"}
        link = await _row(conn, "give", new) or await _row(conn, "add_given", new)
    assert link is not None
    return Way(chat.title or "", EntryLink(**link))


async def give_all(
    conn: Connection, playbook: Playbook, terms: Sequence[Term], at: datetime, *, order_id: int | None = None
) -> Ways:
    """A way into each chat that the plans of these terms open, in the caller's transaction."""
    ways: dict[int, Way] = {}
    astray = []
    for term in terms:
        for chat in await chats_of(conn, playbook, term.plan):
            if chat.group_id is None:
                astray.append(chat.wish)
            elif chat.group_id not in ways:
                ways[chat.group_id] = await give(conn, chat, term, at, order_id=order_id)
    return Ways(list(ways.values()), astray)


async def take_back(conn: Connection, playbook: Playbook, term_ids: Sequence[int], at: datetime) -> list[EntryLink]:
    """Revoke the links that were given for the terms, unless another term of the member opens the chat too."""
    found = await conn.execute(queries.of_terms, {"term_ids": list(term_ids)})
    revoked = []
    for row in await found.fetchall():
        other = await _other(conn, playbook, row, at)
        if other:
            await _row(conn, "keep", {"id": row["id"], "term_id": other.id})
        else:
            revoked.append(row["id"])
    rows = await (await conn.execute(queries.revoke, {"ids": revoked, "at": at})).fetchall()
    return [EntryLink(**row) for row in rows]


async def _other(conn: Connection, playbook: Playbook, link: dict[str, Any], at: datetime) -> Term | None:
    """Another term of the member's that opens the link's chat now or later."""
    terms = await terms_of(conn, link["member_id"]) if link["member_id"] else []
    for term in terms:
        live = term.id != link["term_id"] and term.revoked_at is None and (runs(term, at) or term.starts_at > at)
        if live and link["group_id"] in [chat.group_id for chat in await chats_of(conn, playbook, term.plan)]:
            return term
    return None


# The supply, for whoever asks Telegram for links.


async def fill(conn: Connection, group_id: int, ready: int) -> int:
    """Let the chat's supply grow to so many links that wait or are being made; returns how many are new."""
    values = {"group_id": group_id, "ready": ready}
    async with transaction(conn):
        await conn.execute(queries.take_turns, values)
        return (await conn.execute(queries.supply, values)).rowcount


async def to_make(conn: Connection, limit: int, resting: Sequence[int] = ()) -> list[EntryLink]:
    """Links without an address, those first that somebody waits for; not of the groups that rest."""
    values = {"limit": limit, "resting": list(resting)}
    return [EntryLink(**row) for row in await (await conn.execute(queries.to_make, values)).fetchall()]


async def set_address(conn: Connection, link_id: int, address: str, at: datetime) -> EntryLink | None:
    """Telegram made it; None: it had an address already."""
    row = await _row(conn, "made", {"id": link_id, "address": address, "at": at})
    return EntryLink(**row) if row else None


async def used(conn: Connection, address: str, at: datetime) -> EntryLink | None:
    """Somebody came in by that address, or asked to; None: it is none of these links."""
    row = await _row(conn, "used", {"address": address, "at": at})
    return EntryLink(**row) if row else None


async def still_unused(conn: Connection, member_id: int, group_id: int, at: datetime) -> None:
    """By the link that they used at that moment the member did not come in: it stays theirs."""
    await conn.execute(queries.still_unused, {"member_id": member_id, "group_id": group_id, "at": at})


async def to_close(conn: Connection, limit: int) -> list[EntryLink]:
    """Revoked links of which Telegram is still to be told, if it made them."""
    return [EntryLink(**row) for row in await (await conn.execute(queries.to_close, {"limit": limit})).fetchall()]


async def closed(conn: Connection, link_id: int, at: datetime) -> None:
    """Telegram was told, or there was nothing to tell."""
    await conn.execute(queries.closed, {"id": link_id, "at": at})


async def _row(conn: Connection, query: str, values: dict[str, Any]) -> dict[str, Any] | None:
    return await (await conn.execute(getattr(queries, query), values)).fetchone()
