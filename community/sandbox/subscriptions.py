"""What runs on by itself: renewals at the end of each period, and ends."""

from __future__ import annotations

from dataclasses import replace

from community.sandbox.accounts import User
from community.sandbox.chats import Group
from community.sandbox.errors import Refused
from community.sandbox.invoices import Invoice, Payment, Subscription
from community.sandbox.links import InviteLink
from community.sandbox.membership import admit, remove
from community.sandbox.payments import collect, enrol
from community.sandbox.stars import charge_id
from community.sandbox.world import World


def renewed(world: World, subscription: Subscription) -> bool:
    """Take the next payment at the end of a period; without one the subscription ends."""
    if why := _hindrance(subscription):
        _end(world, subscription, why)
        return False
    if subscription.invoice is not None:
        _renew_invoice(world, subscription, subscription.invoice)
    elif subscription.group is not None and subscription.link is not None:
        subscription.until += subscription.link.subscription_period or 0
        _pay_channel(world, subscription.user, subscription.group, subscription.price)
        member = subscription.group.members[subscription.user.id]
        subscription.group.members[subscription.user.id] = replace(member, until=int(subscription.until))
    return True


def _hindrance(subscription: Subscription) -> str | None:
    """Why there will be no further payment."""
    user, group = subscription.user, subscription.group
    if subscription.canceled:
        return "canceled"
    if user.deactivated:
        return "user is deactivated"
    standing = group.standing(user) if group is not None else None
    if group is not None and (standing is None or not standing.present):
        return "left the channel"
    return "BALANCE_TOO_LOW" if user.stars < subscription.price else None


def _renew_invoice(world: World, subscription: Subscription, invoice: Invoice) -> None:
    """Without asking the bot again; a payment with a number of its own."""
    subscription.until += invoice.period
    number = len(world.till.payments) + 1
    payment = world.till.payments[number] = Payment(number, "", subscription.user, invoice, None, 0)
    collect(world, payment, {"subscription_expiration_date": int(subscription.until), "is_recurring": True})
    world.till.by_charge[payment.charge_id] = subscription


def _end(world: World, subscription: Subscription, why: str) -> None:
    """A channel's subscriber falls out of it."""
    subscription.ended = why
    del world.till.running[subscription.id]
    user, group = subscription.user, subscription.group
    world.live.account(user)
    if group is not None and group.member(user, world.clock.date()).status == "member":
        remove(world, group, user, actor=user, status="left")


def join_channel(world: World, user: User, group: Group, link: InviteLink) -> None:
    """Pay the price of a link and come in; who has paid already comes in again for nothing. Raises Refused."""
    held = (each for each in world.till.running.values() if each.user is user and each.group is group)
    subscription = next(held, None)
    if subscription is None:
        price = link.subscription_price or 0
        if user.stars < price:
            raise Refused(f"BALANCE_TOO_LOW: user {user.id} has {user.stars} of {price} Stars")
        until = world.clock.now() + (link.subscription_period or 0)
        subscription = Subscription(charge_id(), user, price, until, group=group, link=link)
        enrol(world, subscription)
        _pay_channel(world, user, group, price)
    admit(world, group, user, actor=user, link=link, paid_until=int(subscription.until))


def _pay_channel(world: World, user: User, group: Group, price: int) -> None:
    """To the channel's own balance, which bots do not see."""
    user.stars -= price
    group.stars += price
    world.live.account(user)
    world.live.chat(group)


def cancel(world: World, subscription: Subscription, *, by_bot: bool = False) -> None:
    """No further payment; what is paid lasts to its end. A bot's cancel also bars the user from resuming."""
    subscription.canceled = True
    subscription.barred = subscription.barred or by_bot
    world.live.account(subscription.user)


def resume(world: World, subscription: Subscription) -> None:
    """Take the user's own cancel back. Raises Refused when the bot cancelled."""
    if subscription.barred:
        raise Refused("the bot canceled this subscription; it must allow the user to resume it first")
    subscription.canceled = False
    world.live.account(subscription.user)
