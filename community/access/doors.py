"""Which chats plans open, and who may be in them now."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from community.access.entry_links import chats_of
from community.access.models import EntryLink, Term
from community.database.pool import Connection
from community.database.queries import load
from community.playbook import Playbook

queries = load(__file__, "doors.sql")


class Door(NamedTuple):
    """A plan opens a group."""

    group_id: int
    plan: str


async def doors(conn: Connection, playbook: Playbook) -> list[Door]:
    """Every plan with every group that it opens, of those the bot is in."""
    found = []
    for plan in playbook.plans:
        chats = await chats_of(conn, playbook, plan)
        found += [Door(chat.group_id, plan) for chat in chats if chat.group_id is not None]
    return found


async def astray(conn: Connection, playbook: Playbook) -> dict[str, str]:
    """Chats that a plan names and the bot is not in, each with the first such plan."""
    found: dict[str, str] = {}
    for plan in playbook.plans:
        for chat in await chats_of(conn, playbook, plan):
            if chat.group_id is None:
                found.setdefault(chat.wish, plan)
    return found


async def guarded(conn: Connection, playbook: Playbook) -> list[int]:
    """Groups that plans open, or have opened once: nobody comes in there but by what they hold."""
    await doors(conn, playbook)
    rows = await (await conn.execute(queries.guarded)).fetchall()
    return [row["group_id"] for row in rows]


async def namesakes(conn: Connection, playbook: Playbook) -> list[dict[str, Any]]:
    """Groups with a title by which a plan names another: `id`, `title`, and the number of the one that `stays`."""
    wishes = [wish for plan in playbook.plans.values() for wish in plan.chats]
    return await (await conn.execute(queries.namesakes, {"wishes": wishes})).fetchall()


async def plans_for(conn: Connection, playbook: Playbook, group_id: int) -> list[str]:
    """The plans that open the group."""
    return [door.plan for door in await doors(conn, playbook) if door.group_id == group_id]


async def holding(conn: Connection, member_id: int, plans: Sequence[str], at: datetime) -> Term | None:
    """The member's term of one of the plans that runs or is still to come; of several the one that ends last.

    Who has paid may come in, also when the time they paid for follows another's.
    """
    values = {"member_id": member_id, "plans": list(plans), "at": at}
    row = await (await conn.execute(queries.holding, values)).fetchone()
    return Term(**row) if row else None


async def link_behind(conn: Connection, group_id: int, address: str | None, name: str | None) -> EntryLink | None:
    """The entry link of the group that somebody came by; None: it is none of these.

    Telegram shortens the addresses of links that others made; ours have a name that nobody else has.
    """
    values = {"group_id": group_id, "address": address, "name": name}
    row = await (await conn.execute(queries.link_behind, values)).fetchone()
    return EntryLink(**row) if row else None


def columns(playbook: Playbook, found: Iterable[Door]) -> dict[str, Any]:
    """The doors as parameters of a query, each with its plan's grace."""
    listed = list(found)
    return {
        "group_ids": [door.group_id for door in listed],
        "plans": [door.plan for door in listed],
        "graces": [playbook.plans[door.plan].grace for door in listed],
    }
