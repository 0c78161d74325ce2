"""Callbacks as providers send them, signed; for the tests of all that reads them."""

import json
from datetime import UTC, datetime
from itertools import count
from typing import Any

from stripe import WebhookSignature

from community.payments.providers.ime import Form, sign

JSON = dict[str, Any]
NOW = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
IME_SECRET = "ime-secret-of-the-tests"
STRIPE_SECRET = "whsec_of_the_tests"

_numbers = count(1)


def ime(type_: str = "payment.paid", **fields: Any) -> JSON:
    """A body of iMe's; what is given as None is left out."""
    body = {
        "id": f"evt-{next(_numbers)}",
        "type": type_,
        "created_at": NOW.isoformat(),
        "order": "A7K2-93QX",
        "amount": 2990,
        "currency": "USD",
        "charge": "pay-1",
        "telegram_id": 17,
        **fields,
    }
    return {name: value for name, value in body.items() if value is not None}


def signed_ime(body: bytes, at_s: int = NOW_S, secret: str = IME_SECRET, key: str | None = None) -> dict[str, str]:
    form, stamp = Form(), str(at_s)
    headers = {form.timestamp_header: stamp, form.signature_header: f"v1={sign(secret, stamp, body)}"}
    return headers | ({form.key_header: key} if key else {})


def stripe(type_: str, about: JSON, *, livemode: bool = False, **more: Any) -> JSON:
    """An event of Stripe's around an object."""
    return {
        "id": f"evt_{next(_numbers)}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": NOW_S,
        "livemode": livemode,
        "type": type_,
        "data": {"object": about},
        **more,
    }


def signed_stripe(body: bytes, at_s: int = NOW_S, secret: str = STRIPE_SECRET) -> dict[str, str]:
    return {"Stripe-Signature": WebhookSignature.generate_signature_header(body.decode(), secret, at_s)}


def raw(body: JSON) -> bytes:
    return json.dumps(body).encode()


def session(**fields: Any) -> JSON:
    """A Checkout Session of a one-time payment."""
    return {
        "id": "cs_1",
        "object": "checkout.session",
        "mode": "payment",
        "payment_status": "paid",
        "payment_intent": "pi_1",
        "invoice": None,
        "subscription": None,
        "amount_total": 2990,
        "currency": "usd",
        "client_reference_id": "A7K2-93QX",
        "metadata": {},
        **fields,
    }


def old_invoice(**fields: Any) -> JSON:
    """An invoice as it was before 2025-03-31."""
    return {
        "id": "in_1",
        "object": "invoice",
        "amount_paid": 2990,
        "amount_due": 2990,
        "currency": "usd",
        "payment_intent": "pi_1",
        "charge": "ch_1",
        "subscription": "sub_1",
        "subscription_details": {"metadata": {"plan": "vip_month", "telegram": "17"}},
        "metadata": {},
        "lines": {"data": [{"period": {"start": NOW_S, "end": NOW_S + 2_592_000}, "metadata": {}}]},
        **fields,
    }


def new_invoice(**fields: Any) -> JSON:
    """An invoice as it is since then: neither payment intent nor subscription on the outside."""
    invoice = old_invoice()
    for name in ("payment_intent", "charge", "subscription", "subscription_details"):
        del invoice[name]
    details = {"subscription": "sub_1", "metadata": {"plan": "vip_month", "telegram": "17"}}
    return invoice | {"parent": {"type": "subscription_details", "subscription_details": details}, **fields}
