"""Sample values at their worst, as the check of message copy fills it in: as long as they get, full of what trips."""

from typing import Any

HOSTILE_NAME = ("<b>&\"'{{x}}{%" + "😀" * 64)[:64]
"""As long as a shown name gets, full of what HTML and Jinja trip over; most of it counts double."""
LARGEST_ID = 2**63 - 1
PLAN: dict[str, Any] = {"key": "a" * 32, "title": "<" + "😀" * 127, "price": "999999999999.99 USD"}
COUPON: dict[str, Any] = {
    "code": "A" * 10 + "-" + "F" * 12,
    "until": "30 Nov, 20:00",
    "remaining": 10**9,
    "percent": "99.99",
    "amount": "999999999999.99 USD",
    "price": "999999999999.99 USD",
    "opens": "<" + "😀" * 127,
}
LIVE: dict[str, Any] = {
    "id": LARGEST_ID,
    "title": "<" + "😀" * 127,
    "speaker": "<" + "😀" * 127,
    "starts": "30 Nov, 20:00",
    "ends": "30 Nov, 21:30",
    "window_until": "2 Dec, 21:30",
    "remaining": 10**9,
    "link": f"https://{'x' * 60}.example/l/live-{'x' * 24}?a=1&b=2",
    "plan": PLAN,
    "coupon": COUPON,
}
