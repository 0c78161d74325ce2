"""Invoices, the payments made on them and the subscriptions that came of these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from community.sandbox.accounts import Bot, User
    from community.sandbox.chats import Group
    from community.sandbox.links import InviteLink
    from community.sandbox.messages import Message

JSON = dict[str, Any]
STARS = "XTR"
PERIOD = 2_592_000
"""Seconds a subscription lasts before the next payment: 30 days, the only period there is (Bot API)."""


@dataclass(slots=True, eq=False)
class Invoice:
    """What a bot asks to be paid for. `shown` is Telegram's Invoice; the rest does not show in a message.

    `wanted`: fields of OrderInfo that the buyer is asked for. `period`: seconds, for a subscription only.
    """

    bot: Bot
    shown: JSON
    payload: str
    wanted: list[str]
    photo: str = ""
    period: int = 0

    @property
    def total(self) -> int:
        total: int = self.shown["total_amount"]
        return total

    @property
    def in_stars(self) -> bool:
        return bool(self.shown["currency"] == STARS)


@dataclass(slots=True, eq=False)
class Offer:
    """An invoice in a message, perhaps a forwarded one, with each buyer's latest payment by user id."""

    invoice: Invoice
    forwarded: bool = False
    payments: dict[int, Payment] = field(default_factory=dict)

    def copy(self) -> Offer:
        """For a forward of the message."""
        return Offer(self.invoice, forwarded=True)

    def keyboard(self) -> JSON:
        """Of an invoice that came without one. A forwarded one may lead to the bot (Bot API, start_parameter)."""
        shown, total = self.invoice.shown, self.invoice.total
        if self.forwarded and shown["start_parameter"]:
            url = f"https://t.me/{self.invoice.bot.username}?start={shown['start_parameter']}"
            return {"inline_keyboard": [[{"text": "Pay", "url": url}]]}
        price = f"⭐️{total}" if self.invoice.in_stars else f"{shown['currency']} {total / 100:.2f}"
        return {"inline_keyboard": [[{"text": f"Pay {price}", "pay": True}]]}

    def as_seen(self) -> JSON:
        return self.invoice.shown | {
            "photo": self.invoice.photo,
            "payments": [payment.as_seen() for payment in self.payments.values()],
        }


@dataclass(slots=True, eq=False)
class Payment:
    """One try to pay. `deadline`: sandbox seconds until which the bot may answer. `receipt`: a message's number.

    `message`: where the invoice was, None for one opened by its link.
    """

    number: int
    query_id: str
    user: User
    invoice: Invoice
    message: Message | None
    deadline: float
    state: Literal["waiting", "paid", "refused"] = "waiting"
    error: str | None = None
    charge_id: str = ""
    receipt: int | None = None
    refunded: bool = False

    def as_seen(self) -> JSON:
        return {
            "payment": self.number,
            "user": self.user.id,
            "bot": self.invoice.bot.id,
            "state": self.state,
            "error": self.error,
            "currency": self.invoice.shown["currency"],
            "total_amount": self.invoice.total,
            "title": self.invoice.shown["title"],
            "charge_id": self.charge_id or None,
            "receipt": self.receipt,
            "refunded": self.refunded,
        }


@dataclass(slots=True, eq=False)
class Subscription:
    """Paid up to `until` (sandbox seconds): for a bot's `invoice`, or for a place in a channel by a `link`.

    `id` is the charge of the first payment. `canceled`: it will not be renewed. `barred`: the bot forbade that.
    """

    id: str
    user: User
    price: int
    until: float
    invoice: Invoice | None = None
    group: Group | None = None
    link: InviteLink | None = None
    canceled: bool = False
    barred: bool = False
    ended: str | None = None

    def as_seen(self) -> JSON:
        return {
            "subscription": self.id,
            "user": self.user.id,
            "bot": self.invoice.bot.id if self.invoice else None,
            "chat": self.group.id if self.group else None,
            "title": self.invoice.shown["title"] if self.invoice else self.group.title if self.group else "",
            "price": self.price,
            "until": self.until,
            "canceled": self.canceled,
            "canceled_by_bot": self.barred,
            "ended": self.ended,
        }


@dataclass(slots=True)
class Till:
    """All that was ever asked and paid: invoices by link, payments by number, those that wait by their query's id.

    `charges`: what was paid, by charge. `running`: subscriptions that go on, by id; `subscriptions`: all there were;
    `by_charge`: also found by the charge of a renewal.
    """

    invoices: dict[str, Invoice] = field(default_factory=dict)
    payments: dict[int, Payment] = field(default_factory=dict)
    waiting: dict[str, Payment] = field(default_factory=dict)
    charges: dict[str, Payment] = field(default_factory=dict)
    subscriptions: list[Subscription] = field(default_factory=list)
    running: dict[str, Subscription] = field(default_factory=dict)
    by_charge: dict[str, Subscription] = field(default_factory=dict)
