"""How an invoice is paid: the bot is asked, answers in time or not, Stars change hands; and how they go back."""

from __future__ import annotations

import secrets
from typing import Any

from community.sandbox.accounts import User
from community.sandbox.chats import Dialog
from community.sandbox.errors import Refused
from community.sandbox.invoices import Invoice, Payment, Subscription
from community.sandbox.messages import Message
from community.sandbox.posting import post
from community.sandbox.stars import NANO, Transaction, charge_id
from community.sandbox.world import World

JSON = dict[str, Any]
TOO_LATE = "BOT_PRECHECKOUT_TIMEOUT"
ANSWER_WITHIN = 10
"""Sandbox seconds the bot has for answerPreCheckoutQuery (Bot API)."""


def begin(world: World, user: User, invoice: Invoice, message: Message | None = None) -> Payment:
    """Ask the bot whether the user may pay; it has ten seconds. Raises Refused where Telegram would not go on."""
    _check_payable(world, user, invoice, message)
    till, query_id = world.till, str(secrets.randbits(62))
    deadline = world.clock.deadline(ANSWER_WITHIN)
    payment = Payment(len(till.payments) + 1, query_id, user, invoice, message, deadline)
    till.payments[payment.number] = till.waiting[query_id] = payment
    if message is not None and message.offer is not None:
        message.offer.payments[user.id] = payment
    query = {"id": query_id, "from": user.as_json(), **_bought(invoice, user)}
    invoice.bot.inbox.put("pre_checkout_query", query, user.id)
    _show(world, payment)
    return payment


def _check_payable(world: World, user: User, invoice: Invoice, message: Message | None) -> None:
    if world.dialog(invoice.bot, user).blocked:
        raise Refused("the user has blocked this bot; unblock or start it first")
    last = message.offer.payments.get(user.id) if message is not None and message.offer is not None else None
    if last is not None and last.state == "waiting":
        raise Refused(f"payment {last.number} of this invoice waits for the bot's answer")
    if last is not None and last.state == "paid" and isinstance(last.message.chat if last.message else None, Dialog):
        raise Refused(f"this invoice is paid: message {last.receipt} is its receipt")
    if any(each.user is user and each.invoice is invoice for each in world.till.running.values()):
        raise Refused("SUBSCRIPTION_ALREADY_ACTIVE")
    if invoice.in_stars and user.stars < invoice.total:
        raise Refused(f"BALANCE_TOO_LOW: user {user.id} has {user.stars} of {invoice.total} Stars")


def _bought(invoice: Invoice, user: User) -> JSON:
    """What query and payment have in common."""
    shown = invoice.shown
    bought = {"currency": shown["currency"], "total_amount": invoice.total, "invoice_payload": invoice.payload}
    if invoice.wanted:
        details = _order_info(user)
        bought["order_info"] = {field: details[field] for field in invoice.wanted}
    return bought


def _order_info(user: User) -> JSON:
    """What a made-up buyer types into the form."""
    address = {"country_code": "GB", "state": "", "city": "London", "post_code": "NW1 6XE"}
    return {
        "name": " ".join(filter(None, (user.first_name, user.last_name))),
        "phone_number": f"4477{user.id % 10**8:08}",
        "email": f"user{user.id}@example.org",
        "shipping_address": address | {"street_line1": "221B Baker Street", "street_line2": ""},
    }


def expire(world: World) -> None:
    """Fail the payments whose bot did not answer in time."""
    for payment in list(world.till.waiting.values()):
        if payment.deadline <= world.clock.present():
            refuse(world, payment, TOO_LATE)


def refuse(world: World, payment: Payment, why: str) -> None:
    """Nothing is paid; the buyer sees why."""
    world.till.waiting.pop(payment.query_id, None)
    payment.state, payment.error = "refused", why
    _show(world, payment)


def approve(world: World, payment: Payment) -> None:
    """The bot agreed: take the money, unless the buyer spent it meanwhile."""
    user, invoice = payment.user, payment.invoice
    if invoice.in_stars and user.stars < invoice.total:
        refuse(world, payment, "BALANCE_TOO_LOW")
        return
    del world.till.waiting[payment.query_id]
    if not invoice.period:
        collect(world, payment, {})
        return
    until = world.clock.now() + invoice.period
    recurring = {"subscription_expiration_date": int(until), "is_recurring": True, "is_first_recurring": True}
    collect(world, payment, recurring)
    enrol(world, Subscription(payment.charge_id, user, invoice.total, until, invoice=invoice))


def enrol(world: World, subscription: Subscription) -> None:
    """A subscription begins."""
    till = world.till
    till.subscriptions.append(subscription)
    till.running[subscription.id] = till.by_charge[subscription.id] = subscription


def collect(world: World, payment: Payment, recurring: JSON) -> None:
    """Stars from the buyer to the bot (another currency only in words), and `successful_payment` in private."""
    invoice, user = payment.invoice, payment.user
    payment.state, payment.charge_id = "paid", charge_id()
    world.till.charges[payment.charge_id] = payment
    if invoice.in_stars:
        user.stars -= invoice.total
        _enter(world, payment, invoice.total)
    dialog = world.dialog(invoice.bot, user)
    dialog.opened = True
    said = _bought(invoice, user) | recurring
    said |= {"telegram_payment_charge_id": payment.charge_id, "provider_payment_charge_id": provider_charge(payment)}
    payment.receipt = post(world, dialog, user, {"successful_payment": said}).id
    _show(world, payment)


def provider_charge(payment: Payment) -> str:
    return f"{payment.user.id}_{payment.number}"


def give_back(world: World, payment: Payment) -> None:
    """A refund: Stars back to the buyer, and `refunded_payment` in private."""
    invoice, user = payment.invoice, payment.user
    payment.refunded = True
    user.stars += invoice.total
    _enter(world, payment, -invoice.total)
    said = _bought(invoice, user) | {"telegram_payment_charge_id": payment.charge_id}
    said["provider_payment_charge_id"] = provider_charge(payment)
    post(world, world.dialog(invoice.bot, user), user, {"refunded_payment": said})
    _show(world, payment)


def _enter(world: World, payment: Payment, stars: int) -> None:
    """Into the bot's books; a refund bears the number of the payment (Bot API, StarTransaction)."""
    invoice = payment.invoice
    partner: JSON = {"type": "user", "transaction_type": "invoice_payment", "invoice_payload": invoice.payload}
    if invoice.period:
        partner["subscription_period"] = invoice.period
    invoice.bot.stars.enter(Transaction(payment.charge_id, world.clock.date(), stars * NANO, partner, payment.user))


def _show(world: World, payment: Payment) -> None:
    """Watchers see the invoice with its payment, and what the buyer has left."""
    if payment.message is not None:
        world.live.message(payment.message)
    world.live.account(payment.user)
    world.live.account(payment.invoice.bot)
