"""What a payment is for, and whether it fits: by its order, else by the plan that the provider passed through. Pure."""

from enum import StrEnum
from typing import NamedTuple

from community.payments.fold import Standing
from community.payments.models import Order
from community.playbook import Playbook
from community.playbook_types import Amount


class Why(StrEnum):
    """Why a payment gives nothing until somebody has looked; the first that applies."""

    unknown_order = "unknown_order"
    """It names an order that there is not."""
    unknown_plan = "unknown_plan"
    """It says nothing of what it is for, or names a plan that is not in the playbook."""
    wrong_currency = "wrong_currency"
    wrong_amount = "wrong_amount"
    for_life = "for_life"
    """Its member has that already, for life: there is nothing to give."""
    second_payment = "second_payment"
    """It pays the price of its order that coupon or upgrade have lowered, and another payment has had that."""
    coupon_refused = "coupon_refused"
    """Its order's coupon was used up by others, or by the member for another order, before this was paid."""


class Judgement(NamedTuple):
    """What the payment is for, as far as it says; and what is wrong with it, if anything is."""

    plan: str | None
    why: Why | None


def judge(
    playbook: Playbook, standing: Standing, order: Order | None, plan: str | None, *, spent: bool = False
) -> Judgement:
    """Judge a payment. `order`: that which it names; `plan`: what it is for if it names none.

    `spent`: another payment of the order has had its lowered price, so that this one is to pay the listed one.
    """
    if standing.order is not None and order is None:
        return Judgement(plan, Why.unknown_order)
    plan = order.plan if order else plan
    if plan is None or plan not in playbook.plans:
        return Judgement(plan, Why.unknown_plan)
    asked = _asked(playbook, standing, order, plan, spent=spent)
    if order and spent and standing.paid == asked[0]:
        return Judgement(plan, Why.second_payment)
    if standing.paid is not None and standing.paid not in asked:
        known = {amount.currency for amount in asked}
        return Judgement(plan, Why.wrong_amount if standing.paid.currency in known else Why.wrong_currency)
    return Judgement(plan, None)


def _asked(playbook: Playbook, standing: Standing, order: Order | None, plan: str, *, spent: bool) -> list[Amount]:
    """The amounts that pay for it, what an order costs first. A coupon is for a subscription's first payment only."""
    if order is None:
        kind = playbook.plans[plan]
        return [price for price in (kind.price, *kind.prices) if price]
    due = Amount(minor=order.amount_minor, currency=order.currency)
    listed = Amount(minor=order.list_minor, currency=order.currency)
    return [due, listed] if standing.subscription or spent else [due]
