"""What a payment gives, and how it is taken back: terms, the order's coupon, ways into chats."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from community.access.coverage import follower, last_of_coverage
from community.access.entry_links import Ways, give_all
from community.access.grant import grant, grant_included
from community.access.models import Term
from community.access.terms import (
    cancel,
    line_of,
    renew_by_itself,
    revoke,
    set_end,
    stop_renewing,
    take_turns,
    term_of,
)
from community.database.pool import Connection
from community.database.queries import load
from community.engagement.redemptions import Refusal, redeem
from community.errors import AccessRefused
from community.payments.models import Order, Payment
from community.payments.problems import tell_staff
from community.payments.till import Till
from community.playbook_types import Amount

queries = load(__file__)


@dataclass(frozen=True, slots=True)
class Given:
    """What a payment has given."""

    terms: Sequence[Term]
    ways: Ways

    @property
    def main(self) -> Term:
        """The term of what was bought; the others are included in it."""
        return self.terms[0]


async def covered_for_life(till: Till, member_id: int, plan: str) -> bool:
    """Whether the member has that for life, so that a term of it cannot be given."""
    await take_turns(till.conn, member_id)
    last = last_of_coverage(await line_of(till.conn, member_id, till.playbook.plans[plan].line), till.at)
    return last is not None and last.ends_at is None


async def fulfil(till: Till, payment: Payment, order: Order | None, ends_at: datetime | None) -> Given:
    """Grant what was paid for, with all that is included and the ways in.

    `ends_at`: until when the subscription's period is paid, if it is one; the term does not end before that.
    """
    assert payment.member_id is not None
    assert payment.plan is not None
    if order and order.upgrade_of is not None:
        await _end_old(till, order)
    paid = Amount(minor=payment.paid_minor, currency=payment.currency) if payment.paid_minor is not None else None
    main = await _grant(till, payment, payment.plan, paid)
    if ends_at and main.ends_at and main.ends_at < ends_at:
        main = await set_end(till.conn, main.id, ends_at, till.at, by=payment.provider, note="the period paid for")
    given = {"source": payment.provider, "by": payment.charge}
    included = await grant_included(till.conn, till.playbook, payment.member_id, payment.plan, till.at, **given)
    terms = [main, *included]
    if payment.subscription:
        terms = [await renew_by_itself(till.conn, term.id, till.at, by=payment.provider) for term in terms]
    ways = await give_all(till.conn, till.playbook, terms, till.at, order_id=payment.order_id)
    return Given(terms, ways)


async def _grant(till: Till, payment: Payment, plan: str, paid: Amount | None) -> Term:
    assert payment.member_id is not None
    return await grant(
        till.conn,
        till.playbook,
        payment.member_id,
        plan,
        till.at,
        source=payment.provider,
        by=payment.charge,
        paid=paid,
    )


async def take_back(till: Till, payment: Payment) -> None:
    """End at once what the payment gave; a member who was erased meanwhile has nothing any more."""
    rows = await (await till.conn.execute(queries.terms, {"ids": payment.terms})).fetchall()
    why = "dispute lost" if payment.disputed == "lost" else "refunded"
    for row in rows:
        await revoke(till.conn, row["id"], till.at, by=payment.provider, note=f"{payment.charge} {why}")


# What several payments of one order share.


async def keep_order_right(till: Till, order: Order) -> None:
    """Use the order's coupon while one of its payments stands; let the term that it replaced run on if none does.

    Taking back a payment's terms gives the coupon back.
    """
    rows = await (await till.conn.execute(queries.of_order, {"order_id": order.id})).fetchall()
    standing = [payment for payment in (Payment(**row) for row in rows) if payment.state == "matched" and payment.terms]
    if standing and order.coupon_code:
        await _use_coupon(till, order, standing)
    if not standing and order.upgrade_of is not None:
        await _restore_old(till, order)


async def _use_coupon(till: Till, order: Order, standing: Sequence[Payment]) -> None:
    code, terms = order.coupon_code, [term for payment in standing for term in payment.terms]
    member_id = standing[0].member_id
    found = await till.conn.execute(queries.coupon_is_used, {"code": code, "term_ids": terms})
    if await found.fetchone() is not None or member_id is None or code is None:
        return
    listed = Amount(minor=order.list_minor, currency=order.currency)
    # What was promised when the order was opened holds.
    used = await redeem(till.conn, code, member_id, order.plan, listed, order.created_at, term_id=standing[0].terms[0])
    if isinstance(used, Refusal):
        await tell_staff(till, "coupon_not_used", f"coupon {code}: {used}", f"order {order.number}")


async def _end_old(till: Till, order: Order) -> None:
    """The upgrade takes the place of what is left of the old term, unless something has changed there."""
    old = await replaced(till.conn, order)
    if old is None or old.ends_at != order.upgraded_until_at:
        return
    if follower(await line_of(till.conn, old.member_id, old.line), old) or old.starts_at >= till.at:
        await tell_staff(till, "upgrade_follows", "the old term runs on, as another follows it", f"term {old.id}")
    elif old.ends_at and old.ends_at > till.at:
        await set_end(till.conn, old.id, till.at, till.at, by="upgrade", note=f"order {order.number}")


async def _restore_old(till: Till, order: Order) -> None:
    old = await replaced(till.conn, order)
    if old is None or old.ends_at is None or order.upgraded_until_at is None or old.ends_at >= order.upgraded_until_at:
        return
    note = f"order {order.number} refunded"
    try:
        await set_end(till.conn, old.id, order.upgraded_until_at, till.at, by="upgrade", note=note)
    except AccessRefused as refused:
        await tell_staff(till, "upgrade_not_undone", str(refused), f"order {order.number}")


async def replaced(conn: Connection, order: Order) -> Term | None:
    """The term that the order takes the place of, unless it was revoked or its member erased."""
    term = await term_of(conn, order.upgrade_of) if order.upgrade_of is not None else None
    return term if term and term.revoked_at is None else None


async def end_subscription(till: Till, payment: Payment) -> bool:
    """The subscription does not go on: what it gave runs to its end. False: something follows it, so it does not end.

    Nothing is said by this: members who end a subscription know it. Whether they are reminded is the playbook's.
    """
    values = {"ids": payment.terms, "provider": payment.provider, "subscription": payment.subscription}
    for row in await (await till.conn.execute(queries.earlier_terms, values)).fetchall():
        await stop_renewing(till.conn, row["id"], till.at, by=payment.provider, note="subscription ended")
    rows = await (await till.conn.execute(queries.standing_terms, {"ids": payment.terms})).fetchall()
    ended = [await _end_renewal(till, payment, row["id"]) for row in rows]
    return any(ended)


async def _end_renewal(till: Till, payment: Payment, term_id: int) -> bool:
    how = {"by": payment.provider, "note": "subscription ended"}
    reminded = till.playbook.payments.remind_stopped
    try:
        if not reminded:
            await cancel(till.conn, term_id, till.at, **how)
            return True
    except AccessRefused:
        reminded = False  # something follows it
    await stop_renewing(till.conn, term_id, till.at, **how)
    return reminded


async def resume_subscription(till: Till, payment: Payment) -> None:
    """Its provider says that the subscription goes on after all."""
    rows = await (await till.conn.execute(queries.standing_terms, {"ids": payment.terms})).fetchall()
    for row in rows:
        await renew_by_itself(till.conn, row["id"], till.at, by=payment.provider)
