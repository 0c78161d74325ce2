"""Whose a payment is: claimed by whoever has the order's code, found by the payer's account, or placed by staff."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.errors import OrderRefused
from community.members.follow_ups import promise
from community.members.models import Member
from community.members.persons import join_account
from community.members.suppression import suppression_hash
from community.payments.holding import Charge, hold
from community.payments.models import Order, Payment
from community.payments.moving import occasion
from community.payments.numbers import proves, shown
from community.payments.orders import find
from community.payments.problems import TASK
from community.payments.settle import Settled, settle
from community.playbook import Playbook

queries = load(__file__, "claims.sql")
payment_queries, order_queries = load(__file__), load(__file__, "orders.sql")

MOST_MISSES = 10
"""Wrong codes for an order, after which only staff can say whose it is."""


class Claim(StrEnum):
    """What came of a claim."""

    given = "given"
    """It was paid: what it is for is the member's now."""
    noted = "noted"
    """It is the member's, and not paid yet."""
    theirs = "theirs"
    """It was the member's before."""
    refused = "refused"
    """There is no such order, the code is wrong, or it is another's: which of these is not said."""
    contested = "contested"
    """Likewise; but the code is right, what was paid is another's, and staff have a new task to find out."""


async def claim(
    conn: Connection, bundle: Bundle, member: Member, number: str, code: str, at: datetime, *, bot_id: int
) -> Claim:
    """The member says that the order is theirs, and has the code for it, both as typed. All in one transaction."""
    order = await find(conn, number)
    if order is None:
        return Claim.refused
    async with transaction(conn):
        order, charges = await _held(conn, order.id)
        theirs = order.member_id == member.id
        if not theirs:
            if order.claim_misses >= MOST_MISSES or not proves(code, order.claim_hash):
                await conn.execute(order_queries.miss, {"id": order.id})
                return Claim.refused
            if order.member_id is not None:
                is_new = bool(charges) and await _tell_of_rival(conn, bundle.playbook, order, member, at)
                return Claim.contested if is_new else Claim.refused
            await conn.execute(order_queries.give_to, {"id": order.id, "member_id": member.id})
        left = await _unclaimed(conn, charges) if theirs else charges
        settled = [await settle(conn, bundle, **charge, at=at, bot_id=bot_id) for charge in left]
    if any(each.payment and each.payment.terms for each in settled):
        return Claim.given
    return Claim.theirs if theirs else Claim.noted


async def claim_left(conn: Connection, bundle: Bundle, at: datetime, *, bot_id: int) -> int:
    """Settle payments that are nobody's, though by now it is known whose they are; returns how many found their member.

    Call it outside a transaction: each is settled in its own.
    """
    found = await (await conn.execute(queries.claimable)).fetchall()
    settled = [await settle(conn, bundle, **charge, at=at, bot_id=bot_id) for charge in found]
    return sum(each.payment is not None and each.payment.state != "unclaimed" for each in settled)


async def _tell_of_rival(conn: Connection, playbook: Playbook, order: Order, member: Member, at: datetime) -> bool:
    """Somebody proves that they paid what another has: a human looks who did. False: they do already, or did."""
    note = f"order {shown(order.number)}: paid as member {order.member_id}, claimed by {member.id} with the right code"
    due_at, about = at + playbook.payments.problem_within, await occasion(conn, order)
    return await promise(conn, member.id, TASK, note, at, due_at, occurrence=about) is not None


async def join_payers(conn: Connection, order: Order, member: Member, secret: str) -> None:
    """Who claims by its code what another account has paid for uses both accounts. `secret`: as of `see`."""
    rows = await (await conn.execute(queries.payers, {"order_id": order.id})).fetchall()
    for payer in {row["payer"] for row in rows} - {member.telegram_id}:
        await join_account(conn, member.id, suppression_hash(secret, payer))


async def claim_of_payer(conn: Connection, bundle: Bundle, member: Member, at: datetime, *, bot_id: int) -> int:
    """What was paid from the member's own account before the bot had ever met them; returns how many."""
    values = {"payer": member.telegram_id}
    async with transaction(conn):
        found = await (await conn.execute(payment_queries.unclaimed_of_payer, values)).fetchall()
        for charge in found:
            await conn.execute(payment_queries.take_turns, charge)
        for charge in found:
            await settle(conn, bundle, **charge, at=at, bot_id=bot_id)
    return len(found)


async def place(
    conn: Connection,
    bundle: Bundle,
    provider: str,
    charge: str,
    member_id: int,
    plan: str,
    at: datetime,
    *,
    by: str,
    bot_id: int,
) -> Settled:
    """Staff say what a payment is for and whose it is; its amount is not asked any more.

    Raises OrderRefused when nothing waits for that.
    """
    _check(bundle.playbook, plan)
    async with transaction(conn):
        values = {"provider": provider, "charge": charge, "member_id": member_id, "plan": plan, "by": by}
        await conn.execute(payment_queries.take_turns, values)
        if await (await conn.execute(queries.place, values)).fetchone() is None:
            found = await (await conn.execute(payment_queries.payment, values)).fetchone()
            raise OrderRefused(f"payment {provider}:{charge}: {_taken(Payment(**found) if found else None)}")
        return await settle(conn, bundle, provider, charge, at, bot_id=bot_id, by=by)


def _taken(payment: Payment | None) -> str:
    """Why a payment is not to be placed."""
    if payment is None or payment.state != "matched" or payment.member_id is None:
        return "it does not wait for anybody's word; see `sop tasks`"
    move = f'sop payments move {payment.charge} --to MEMBER --note "why"'
    return f"it is member {payment.member_id}'s; to give it to another account of theirs: {move}"


def _check(playbook: Playbook, plan: str) -> None:
    if plan not in playbook.plans:
        raise OrderRefused(f"plan {plan!r:.50}: not in the playbook; known: {', '.join(playbook.plans) or 'none'}")


async def _held(conn: Connection, order_id: int) -> tuple[Order, list[Charge]]:
    """The order and its payments, for this transaction alone."""

    async def charges() -> list[Charge]:
        return await (await conn.execute(queries.charges, {"order_id": order_id})).fetchall()

    order, found = await hold(conn, order_id, charges)
    assert order is not None  # orders are never removed
    return order, found


async def _unclaimed(conn: Connection, charges: Sequence[Charge]) -> list[Charge]:
    """Those that are nobody's yet."""
    columns = {name: [charge[name] for charge in charges] for name in ("provider", "charge")}
    return await (await conn.execute(queries.unclaimed, columns)).fetchall()
