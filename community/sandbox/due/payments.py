"""Payments whose bot did not answer in time, and the ends of subscriptions' periods."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from community.sandbox.due.registry import Due, duty
from community.sandbox.invoices import Payment, Subscription
from community.sandbox.payments import TOO_LATE, refuse
from community.sandbox.subscriptions import renewed
from community.sandbox.world import World


@duty("payment expires")
def payments(world: World, after: float, until: float) -> Iterator[Due]:
    for payment in world.till.waiting.values():
        if payment.deadline <= until:
            yield Due(payment.deadline, partial(_expire, world, payment))


def _expire(world: World, payment: Payment) -> None:
    if payment.state == "waiting":
        refuse(world, payment, TOO_LATE)


@duty("subscription renews")
def subscriptions(world: World, after: float, until: float) -> Iterator[Due]:
    """Also those that a gesture at a moment of its own let begin, and end, before `after`."""
    for subscription in world.till.running.values():
        if subscription.until <= until:
            yield Due(subscription.until, partial(_renew, world, subscription))


def _renew(world: World, subscription: Subscription) -> float | None:
    running = subscription.ended is None
    return subscription.until if running and renewed(world, subscription) else None
