"""What the copy about feedback is given. As in copy_contexts."""

from typing import Any

FEEDBACK: dict[str, dict[str, Any]] = {
    "bot/feedback_received": {"kind": "suggestion", "hours": 24 * 365},
    "bot/feedback_enough": {},
    "group/feedback_received": {"kind": "complaint", "name": "<b>&\"'{{x}}{%" + "😀" * 26},
    "staff/feedback": {
        "number": 2**63 - 1,
        "telegram_id": 2**63 - 1,
        "task": 2**63 - 1,
        "due": "2026-11-22 22:30 +08",
        "kind": "suggestion",
        "text": "<😀" * 2048,
        "place": "<" + "😀" * 127,
        "link": f"https://t.me/c/{'9' * 12}/{'9' * 10}",
    },
}
