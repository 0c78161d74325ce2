"""Invoices, pre-checkout, refunds, Stars."""

from __future__ import annotations

import re
import secrets
from typing import Any

from community.sandbox.errors import bad_request
from community.sandbox.invoices import PERIOD, STARS, Invoice, Offer, Payment, Subscription
from community.sandbox.methods.registry import Call, method
from community.sandbox.methods.sending import Sending, writable_chat
from community.sandbox.params import Params
from community.sandbox.payments import approve, expire, give_back, refuse
from community.sandbox.stars import NANO
from community.sandbox.subscriptions import cancel

JSON = dict[str, Any]
MOST_STARS = 100_000
MOST_STARS_A_PERIOD = 10_000
CURRENCY = re.compile(r"[A-Z]{3}")
TEST_PROVIDER = ":TEST:"
DETAILS = ("name", "phone_number", "email", "shipping_address")
"""Fields of OrderInfo, asked for by the parameters need_name and so on."""


@method("sendInvoice", paced=True)
def send_invoice(call: Call) -> JSON:
    chat = writable_chat(call)
    invoice = _read_invoice(call)
    return Sending(call, chat).post({"invoice": invoice.shown}, offer=Offer(invoice)).as_json(call.bot)


@method("createInvoiceLink")
def create_invoice_link(call: Call) -> str:
    invoice = _read_invoice(call)
    invoice.period = _read_period(call.params, invoice)
    link = "https://t.me/$" + secrets.token_urlsafe(16)
    call.world.till.invoices[link] = invoice
    return link


def _read_invoice(call: Call) -> Invoice:
    params = call.params
    shown = {"title": _required(params, "title"), "description": _required(params, "description")}
    payload, currency = _required(params, "payload"), _required(params, "currency").upper()
    if len(shown["title"]) > 32 or len(shown["description"]) > 255:
        raise bad_request("invoice title has at most 32 characters and its description 255")
    if len(payload.encode("utf-8", "replace")) > 128:
        raise bad_request("INVOICE_PAYLOAD_INVALID")
    prices = _read_prices(params)
    _check_provider(params, currency, prices)
    total, most = sum(prices), MOST_STARS if currency == STARS else 2**53
    if not 1 <= total <= most:
        raise bad_request("CURRENCY_TOTAL_AMOUNT_INVALID")
    wanted = [field for field in DETAILS if params.flag("need_" + field)] if currency != STARS else []
    about = {"start_parameter": params.text("start_parameter"), "currency": currency, "total_amount": total}
    return Invoice(call.bot, shown | about, payload, wanted, _photo(params))


def _required(params: Params, name: str) -> str:
    value = params.text(name).strip()
    if not value:
        raise bad_request(f'parameter "{name}" is required')
    return value


def _read_prices(params: Params) -> list[int]:
    _required(params, "prices")
    prices = params.listing("prices") or []
    if not prices:
        raise bad_request("there must be at least one price")
    return [_amount(price) for price in prices]


def _amount(price: JSON) -> int:
    """Of one LabeledPrice; a discount is below zero."""
    if not price["label"]:
        raise bad_request("can't parse labeled price: LabeledPrice label must be non-empty")
    return int(price["amount"])


def _check_provider(params: Params, currency: str, prices: list[int]) -> None:
    """Stars go without a provider, at one price and without tips. Other money is paid in play, by a test provider."""
    if currency == STARS:
        if params.text("provider_token") or len(prices) != 1 or params.integer("max_tip_amount"):
            raise bad_request("STARS_INVOICE_INVALID")
        return
    if not CURRENCY.fullmatch(currency):
        raise bad_request("CURRENCY_INVALID")
    if TEST_PROVIDER not in params.text("provider_token"):
        raise bad_request("PAYMENT_PROVIDER_INVALID")
    if params.flag("is_flexible"):
        raise bad_request("is_flexible is not there in the sandbox: it sends no shipping queries")


def _photo(params: Params) -> str:
    address = params.text("photo_url")
    if address and not address.startswith(("http://", "https://")):
        raise bad_request("WEBDOCUMENT_URL_INVALID")
    return address


def _read_period(params: Params, invoice: Invoice) -> int:
    period = params.integer("subscription_period")
    if period and (period != PERIOD or not invoice.in_stars):
        raise bad_request("SUBSCRIPTION_PERIOD_INVALID")
    if period and invoice.total > MOST_STARS_A_PERIOD:
        raise bad_request("SUBSCRIPTION_AMOUNT_INVALID")
    return period


@method("answerPreCheckoutQuery")
def answer_pre_checkout_query(call: Call) -> bool:
    """Once, and within ten seconds."""
    agreed = call.params.flag("ok")
    why = "" if agreed else _required(call.params, "error_message")
    expire(call.world)
    payment = call.world.till.waiting.get(call.params.text("pre_checkout_query_id"))
    if payment is None or payment.invoice.bot is not call.bot:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    if agreed:
        approve(call.world, payment)
    else:
        refuse(call.world, payment, why)
    return True


@method("refundStarPayment")
def refund_star_payment(call: Call) -> bool:
    payment = call.world.till.charges.get(_charge(call))
    if payment is None or not _own(call, payment) or not payment.invoice.in_stars:
        raise bad_request("CHARGE_NOT_FOUND")
    if payment.refunded:
        raise bad_request("CHARGE_ALREADY_REFUNDED")
    if call.bot.stars.nano < payment.invoice.total * NANO:
        raise bad_request("BALANCE_TOO_LOW")
    give_back(call.world, payment)
    return True


def _charge(call: Call) -> str:
    """The charge asked about; `user_id` must be somebody's."""
    if not call.params.has("user_id"):
        raise bad_request("invalid user_id specified")
    if call.params.integer("user_id") not in call.world.users:
        raise bad_request("user not found")
    return _required(call.params, "telegram_payment_charge_id")


def _own(call: Call, paid: Payment | Subscription) -> bool:
    """Whether it was paid to this bot, by the user of the call."""
    bot = paid.invoice.bot if paid.invoice is not None else None
    return bot is call.bot and paid.user.id == call.params.integer("user_id")


@method("editUserStarSubscription")
def edit_user_star_subscription(call: Call) -> bool:
    """False only allows the user to resume what the bot cancelled (Bot API, is_canceled)."""
    subscription = call.world.till.by_charge.get(_charge(call))
    if subscription is None or not _own(call, subscription) or subscription.ended:
        raise bad_request("CHARGE_NOT_FOUND")
    if call.params.flag("is_canceled"):
        cancel(call.world, subscription, by_bot=True)
    else:
        subscription.barred = False
        call.world.live.account(subscription.user)
    return True


@method("getStarTransactions")
def get_star_transactions(call: Call) -> JSON:
    """The oldest first."""
    offset, limit = max(call.params.integer("offset"), 0), call.params.integer("limit", 100)
    chosen = call.bot.stars.transactions[offset : offset + min(max(limit, 1), 100)]
    return {"transactions": [transaction.as_json() for transaction in chosen]}


@method("getMyStarBalance")
def get_my_star_balance(call: Call) -> JSON:
    return call.bot.stars.as_json()
