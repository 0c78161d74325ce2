"""What we ask of Stripe: a page on which an order is paid, and a payment's money back. Stripe's own library does it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import stripe
from stripe.params import RefundCreateParams
from stripe.params.checkout import SessionCreateParams

from community.payments.models import Order
from community.payments.providers.stripe import WITH_THREE, WITHOUT_DECIMALS
from community.playbook_types import Amount, minor_digits

TIMEOUT_S = 15.0
TROUBLE = (stripe.StripeError, ValueError)
"""What it raises when Stripe refuses, or is away."""
OVER = ("canceled", "incomplete_expired")
"""Of a subscription: it is never charged again."""


class StripeApi:
    """Stripe's API with the account's key. Raises `stripe.StripeError` for whatever it refuses or does not answer."""

    def __init__(self, key: str, address: str | None = None) -> None:
        self._key, self._address = key, address

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[stripe.StripeClient]:
        """A client whose connections end with it: Stripe is asked seldom."""
        http = stripe.AIOHTTPClient(timeout=TIMEOUT_S)
        more = {"base_addresses": {"api": self._address}} if self._address else {}
        try:
            yield stripe.StripeClient(self._key, http_client=http, max_network_retries=2, **more)  # type: ignore[arg-type]
        finally:
            await http.close_async()  # type: ignore[no-untyped-call]

    async def checkout(
        self, order: Order, title: str, success_url: str, cancel_url: str, *, every: int = 0, payer: int | None = None
    ) -> str:
        """The address at which the order is paid; asked twice for an order it is the same page.

        `every`: months after which it is paid again, 0: it is paid once. `payer`: their number at Telegram, if known.
        """
        about = {"order": order.number, "plan": order.plan}
        due = Amount(minor=order.amount_minor, currency=order.currency)
        asked: SessionCreateParams = {
            "mode": "subscription" if every else "payment",
            "client_reference_id": order.number,
            "metadata": about,
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": due.currency.lower(),
                        "unit_amount": units(due),
                        "product_data": {"name": title},
                    },
                }
            ],
            "success_url": success_url,
            "cancel_url": cancel_url,
        }
        if every:  # the later payments know the subscription's own metadata alone
            years, months = divmod(every, 12)
            interval: Literal["month", "year"] = "month" if months else "year"
            asked["line_items"][0]["price_data"]["recurring"] = {
                "interval": interval,
                "interval_count": months or years,
            }
            mine = {"telegram": str(payer)} if payer else {}
            asked["subscription_data"] = {"metadata": about | mine}
        else:
            asked["payment_intent_data"] = {"metadata": about}
        async with self._client() as client:
            session = await client.v1.checkout.sessions.create_async(
                asked, {"idempotency_key": f"checkout-{order.number}"}
            )
        if not session.url:
            raise stripe.APIError("Stripe gave no address for the checkout")
        return session.url

    async def stop(self, subscription: str) -> None:
        """Charge no more for a subscription; what is paid lasts to its end. One that is over is stopped already.

        Twice is as once, so it needs no name of ours, under which Stripe would give a former failure again.
        """
        async with self._client() as client:
            try:
                await client.v1.subscriptions.update_async(subscription, {"cancel_at_period_end": True})
            except stripe.InvalidRequestError:
                found = await client.v1.subscriptions.retrieve_async(subscription)
                if found.status not in OVER:
                    raise

    async def refund(self, number: int, payment: str, amount: Amount) -> None:
        """Give so much of a payment back; `number` is our request's, by which Stripe knows it again."""
        what: RefundCreateParams = {"amount": units(amount), "metadata": {"request": str(number)}}
        what["charge" if payment.startswith(("ch_", "py_")) else "payment_intent"] = payment
        async with self._client() as client:
            await client.v1.refunds.create_async(what, {"idempotency_key": f"refund-{number}"})


def reason(error: Exception) -> str:
    """Why Stripe did not do what it was asked; of its own words those that are meant to be shown."""
    return f"{type(error).__name__}: {getattr(error, 'user_message', None) or error}"[:300]


def units(amount: Amount) -> int:
    """An amount as Stripe counts it. Raises ValueError for one that Stripe cannot take to the last digit."""
    digits = 0 if amount.currency in WITHOUT_DECIMALS else 3 if amount.currency in WITH_THREE else 2
    scaled, rest = divmod(amount.minor * int(10**digits), int(10 ** minor_digits(amount.currency)))
    if rest:
        raise ValueError(f"{amount}: Stripe takes no such small amounts")
    return scaled
