"""What the copy of payments is given: receipts, moves, refunds, the ways in that they bring. As in copy_contexts."""

from typing import Any

from community.access_contexts import LIBRARY

_PLAN = {"key": "a" * 32, "title": "<" + "😀" * 127, "price": "999999999999.99 USD"}
_ENTRY = {"title": "<" + "😀" * 24, "address": f"https://t.me/+{'x' * 40}"}
WAYS = {"entries": [_ENTRY] * 5, "awaited": ["<" + "😀" * 24] * 5, "inside": ["<" + "😀" * 24] * 5}
"""Ways into groups: as links, as titles of those that follow, as titles of those they are in already."""
_PAID: dict[str, Any] = {"order": "A7K2-93QX", "amount": "999999999999.99 USD"}
_GIVES: dict[str, Any] = {
    **_PAID,
    "starts": "2026-11-30T12:00:00+00:00",
    "until": "2027-11-30T12:00:00+00:00",
    "includes": [_PLAN] * 5,
    "library": LIBRARY,
    **WAYS,
}
PAYMENTS: dict[str, dict[str, Any]] = {
    "payment/receipt": {**_GIVES, "renews": True, "next": "2026-12-30T12:00:00+00:00", "moved": True},
    "payment/moved_away": _PAID,
    "payment/entry": {"entries": [_ENTRY]},
    "payment/refunded": {**_PAID, "refunded": "999999999999.99 USD", "ended": True, "stays": True, "stopped": True},
    "payment/problem": {**_PAID, "hours": 24},
}
