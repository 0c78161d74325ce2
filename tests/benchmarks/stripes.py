"""Stripe's events, signed as Stripe signs them."""

import time
from typing import Any

import orjson
from stripe import WebhookSignature

STRIPE_SECRET = "whsec_of_the_bench"


def signed_stripe(content: bytes, at_s: int, secret: str = STRIPE_SECRET) -> dict[str, str]:
    """The header that proves it."""
    return {"Stripe-Signature": WebhookSignature.generate_signature_header(content.decode(), secret, at_s)}


def stripe_body(number: int, kind: str = "checkout.session.completed", about: dict[str, Any] | None = None) -> bytes:
    """An event around an object; without one, around a paid checkout."""
    return orjson.dumps({
        "id": f"evt_{number}", "object": "event", "created": int(time.time()), "livemode": False, "type": kind,
        "data": {"object": about or session(f"pi_{number}", 2_500, "eur")},
    })  # fmt: skip


def session(intent: str, amount: int, currency: str, **more: Any) -> dict[str, Any]:
    """A Checkout Session that is paid."""
    return {
        "id": f"cs_{intent}", "object": "checkout.session", "mode": "payment", "payment_status": "paid",
        "payment_intent": intent, "invoice": None, "subscription": None, "amount_total": amount, "currency": currency,
        "client_reference_id": None, "metadata": {"plan": "month"}, **more,
    }  # fmt: skip
