"""Groups that plans open (SOP 6.12): a join request is approved for who holds one of them, and for nobody else.

There is no quiz. What is said goes out before the decision, as at the gate, and a link in somebody else's hands is
traced to whom it was given.
"""

from dataclasses import dataclass

from community.access.doors import guarded, holding, link_behind, plans_for
from community.access.entry_links import used
from community.access.leaks import Leak, trace
from community.access.models import EntryLink
from community.access.terms import take_turns
from community.database.pool import transaction
from community.database.queries import load
from community.groups.gate import Gate, Request, decision, note
from community.groups.membership import admit, welcome
from community.groups.models import Group
from community.members.names import display_name
from community.members.people import by_id
from community.members.reach import allow_while_requesting
from community.outbox.alerts import Alert, alert
from community.outbox.enqueue import Draft, enqueue
from community.playbook_stages import MessageClass

queries = load(__file__)


@dataclass(frozen=True, slots=True)
class Knock:
    """Somebody asks to come into a group, by a link with that address and name, if any."""

    group: Group
    address: str | None = None
    name: str | None = None


async def knock(gate: Gate, at_door: Knock, staff_chat: int | None) -> bool:
    """Decide a join request to a group that plans open; False: none ever did, so the gate asks its questions."""
    group, member_id = at_door.group, gate.member.id
    plans = await plans_for(gate.conn, gate.bundle.playbook, group.id)
    if not plans and group.id not in await guarded(gate.conn, gate.bundle.playbook):
        return False
    async with transaction(gate.conn):
        await take_turns(gate.conn, member_id)
        await allow_while_requesting(gate.conn, member_id, gate.at)
        link = await link_behind(gate.conn, group.id, at_door.address, at_door.name)
        elses = link is not None and link.member_id not in (None, member_id)
        if await holding(gate.conn, member_id, plans, gate.at):
            await _let_in(gate, group, None if elses else link)
            return True
        await _turn_away(gate, group, plans, elses)
        if not plans:
            await _tell_closed(gate, group)
        if link is not None and elses:
            leak = await trace(gate.conn, gate.bundle, link, member_id, gate.at, bot_id=gate.bot_id)
            await _tell_staff(gate, group, link, leak, staff_chat)
    return True


async def _let_in(gate: Gate, group: Group, link: EntryLink | None) -> None:
    request = await _decided(gate, group, "passed")
    if link is not None and link.invite_link is not None:
        await used(gate.conn, link.invite_link, gate.at)
    await admit(gate.conn, gate.member.id, group.id, gate.at, None, home=False)
    await welcome(gate.conn, gate.bundle, gate.member.id, gate.at, bot_id=gate.bot_id)
    await _enqueue(gate, decision("approve", request, gate.member.telegram_id, gate.at))


async def _turn_away(gate: Gate, group: Group, plans: list[str], elses: bool) -> None:
    """Say how to come in, then decline. `elses`: by a link that was given to another."""
    request = await _decided(gate, group, "failed")
    prices = {key: plan.price.minor for key, plan in gate.bundle.playbook.plans.items() if plan.on_sale and plan.price}
    sold = sorted((key for key in plans if key in prices), key=prices.__getitem__)
    context = {"group": {"title": group.title}, "elses": elses, "includes": sold}
    telegram_id = gate.member.telegram_id
    words = note("access/declined", context, gate.member.id, telegram_id, gate.at, gate.cause)
    await _enqueue(gate, words, decision("decline", request, telegram_id, gate.at))


async def _decided(gate: Gate, group: Group, state: str) -> Request:
    """The request with its end, and with that of what the gate had asked when no plan opened the group yet."""
    keys = {"member_id": gate.member.id, "group_id": group.id, "at": gate.at}
    row = await (await gate.conn.execute(queries.ask, {**keys, "token": None, "decide_by": gate.at})).fetchone()
    assert row is not None
    await gate.conn.execute(queries.decide_one, {**keys, "state": state})
    return {**row, "chat_id": group.chat_id}


async def _tell_closed(gate: Gate, group: Group) -> None:
    about = Alert(
        f"closed:{group.id}",
        "Somebody asked to join a group that plans opened once and none opens now, and was declined",
        f"{group.title} (number {group.id})",
        f"Put {group.id} under `chats` of a plan; to let anybody in, use another group.",
        lasting=True,
    )
    await alert(gate.conn, about, gate.at)


async def _tell_staff(gate: Gate, group: Group, link: EntryLink, leak: Leak, staff_chat: int | None) -> None:
    """Once for each link, and once more when it was replaced."""
    owner = await by_id(gate.conn, link.member_id or 0)
    if staff_chat is None or owner is None:
        return
    context = {
        "title": group.title,
        "number": owner.id,
        "telegram_id": owner.telegram_id,
        "name": display_name(owner.first_name, owner.last_name, owner.username),
        "by": gate.member.id,
        "strangers": leak.strangers,
        "replaced": leak.replaced,
    }
    about = Draft(
        chat_id=staff_chat,
        stage="staff",
        step="leak",
        occurrence=f"link:{link.id}" + (":replaced" if leak.replaced else ""),
        message_class=MessageClass.support,
        due_at=gate.at,
        template="staff/leak",
        context=context,
    )
    await _enqueue(gate, about)


async def _enqueue(gate: Gate, *drafts: Draft) -> None:
    await enqueue(gate.conn, gate.bot_id, gate.bundle.hash, drafts, gate.at)
