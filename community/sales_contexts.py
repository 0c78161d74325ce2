"""What the copy of selling is given: plans, orders, invoices, refunds, and the page of a plan. As in copy_contexts."""

from typing import Any

_TITLE = "<" + "😀" * 127
_AMOUNT = "999999999999.99 USD"
_NUMBER = "A7K2-93QX"
_WORDS = "<" + "😀" * 99
_MOMENT = "2026-11-30T12:00:00+00:00"
_ORDER = {"number": _NUMBER, "title": _TITLE, "amount": _AMOUNT, "state": "open", "until": _MOMENT}
_TASK = {"number": 2**63 - 1, "telegram_id": 2**63 - 1, "task": 2**63 - 1, "due": "2026-11-22 22:30 +08"}
_PAGE = {"plan": {"key": "a" * 32, "title": _TITLE, "price": _AMOUNT}, "bot": "a" * 32, "holders": 10**6}
PAGE = (
    "page/lead_price",
    "page/lead_benefits",
    "page/lead_social_proof",
    "page/benefits",
    "page/payment",
    "page/refund",
    "page/invoice",
    "page/support",
    "page/privacy",
)
"""What the page of a plan must say (SOP 1.29), and what each of its variants begins with."""
SHOWN = (*PAGE, "staff/refund_word", "staff/order_claim_word")
"""Words that are shown, not sent as a message."""
SALES: dict[str, dict[str, Any]] = {
    "bot/plans": {"plans": [{"key": "a" * 32, "title": _TITLE, "price": _AMOUNT, "due": _AMOUNT}] * 20},
    "bot/plan": {
        "due": _AMOUNT,
        "stars": ["100000 XTR"],
        "renewals": [{"price": "10000 XTR"}],
        "upgrades": [{"title": _TITLE, "due": "100000 XTR", "credited": "100000 XTR"}],
    },
    "bot/orders": {"orders": [_ORDER] * 8, "what": "order"},
    "bot/order": {
        "order": _ORDER,
        "ends": _MOMENT,
        "unpaid": [_ORDER],
        "stars": ["100000 XTR"],
        "paid": [_NUMBER],
        "entries": [{"title": _TITLE, "address": f"https://t.me/+{'x' * 40}"}] * 10,
    },
    "bot/order_claim": {"order": _NUMBER, "result": "refused"},
    "bot/trial": {"coupons": ["A" * 32] * 3, "had": True},
    "bot/invoice_ask": {"order": _NUMBER, "asked": "title", "wrong": True},
    "bot/invoice_taken": {"order": _NUMBER, "title": _WORDS, "tax_id": "A" * 30, "email": "a" * 254, "hours": 72},
    "bot/invoice_done": {"order": _NUMBER, "email": "a" * 254},
    "bot/refund_asked": {"order": _NUMBER, "amount": _AMOUNT, "hours": 24, "again": True},
    "bot/refund_answer": {"order": _NUMBER, "amount": _AMOUNT, "approved": True},
    "payment/subscribe": {"price": "10000 XTR", "links": [f"https://t.me/${'x' * 40}"], "until": _MOMENT},
    "payment/unsubscribed": {"until": _MOMENT, "stopped": True},
    "staff/invoice": {
        **_TASK,
        "order": _NUMBER,
        "amount": _AMOUNT,
        "title": _WORDS,
        "tax_id": "A" * 30,
        "email": "a" * 254,
    },
    "staff/refund": {
        **_TASK,
        "order": _NUMBER,
        "amount": _AMOUNT,
        "title": _TITLE,
        "provider": "stripe",
        "days": 3650,
        "used": 100,
        "in_time": True,
        "request": 10**9,
    },
    "staff/refund_word": {"pressed": "decided", "state": "approved", "by": "<" * 5000},
    "staff/order_claim": {
        **_TASK,
        "order": _NUMBER,
        "amount": _AMOUNT,
        "title": _TITLE,
        "holder": 2**63 - 1,
        "claim": "9" * 10 + "_" + "9" * 10,
    },
    "staff/order_claim_word": {"pressed": "refused", "why": "<" * 5000},
    "staff/refund_manual": {**_TASK, "order": _NUMBER, "amount": _AMOUNT, "provider": "ime", "charge": _WORDS},
    **dict.fromkeys(PAGE, _PAGE),
}
