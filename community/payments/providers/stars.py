"""Telegram Stars: no callback of its own, but messages in the private chat with the bot say what was paid.

They come with Telegram's updates, whose way is trusted already; so there is nothing to verify here.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from community.payments.models import Order
from community.payments.notice import Kind, Notice
from community.payments.reading import amount_of, moment_of, text_of

NAME = "stars"
CURRENCY = "XTR"
MOST = 100_000
"""Stars that an invoice may ask for at most."""
PERIOD_S = 2_592_000
LONGEST_TITLE, LONGEST_DESCRIPTION = 32, 255
SUCCESSFUL, REFUNDED = "successful_payment", "refunded_payment"
"""Fields of the message; also the events' names."""


def notice(message: Mapping[str, Any], payer: int | None) -> Notice:
    """What a message (as JSON) with a payment in it says. Raises Malformed."""
    name = SUCCESSFUL if SUCCESSFUL in message else REFUNDED
    about = message[name]
    charge = text_of(about.get("telegram_payment_charge_id"), "charge")
    order = text_of(about.get("invoice_payload"), "payload")
    return Notice(
        kind=Kind.paid if name == SUCCESSFUL else Kind.refunded,
        event_id=f"{name}:{charge}",
        name=name,
        at=moment_of(message.get("date"), "date") or datetime.fromtimestamp(0, UTC),
        charge=charge,
        order=order,
        amount=amount_of(about.get("total_amount"), about.get("currency")),
        payer=payer,
        subscription=order if about.get("is_recurring") else None,
        period_ends_at=moment_of(about.get("subscription_expiration_date"), "end of the period"),
    )


def invoice(order: Order, title: str, description: str) -> dict[str, Any]:
    """Parameters of sendInvoice."""
    shown = title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"
    return {
        "title": shown,
        "description": description[:LONGEST_DESCRIPTION],
        "payload": order.number,
        "currency": CURRENCY,
        "prices": [{"label": shown, "amount": order.amount_minor}],
    }


def subscription(order: Order, title: str, description: str) -> dict[str, Any]:
    """Parameters of createInvoiceLink for what is paid again every 30 days, the only period that Telegram has."""
    return invoice(order, title, description) | {"subscription_period": PERIOD_S}


def body_of(message: Mapping[str, Any]) -> bytes:
    """What is kept of such a message: the payment alone."""
    return orjson.dumps({name: message[name] for name in ("date", SUCCESSFUL, REFUNDED) if name in message})
