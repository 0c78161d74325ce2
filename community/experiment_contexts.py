"""What the copy about experiments is given. As in copy_contexts."""

from typing import Any

EXPERIMENTS: dict[str, dict[str, Any]] = {
    "staff/experiment": {
        "key": "a" * 32,
        "about": "a" * 32 + "/" + "b" * 32,
        "verdict": "better",
        "winner": "a" * 32,
        "against": "b" * 32,
        "low": "-100.0",
        "high": "-100.0",
        "counted": [{"variant": "a" * 32, "people": 10**9, "share": "100.0"}] * 6,
        "chance": "9.9e-100",
        "winners": ["a" * 32],
        "asked": [True],
    },
    "staff/experiment_pressed": {"pressed": "decided", "winner": "a" * 32, "state": "applied", "by": "<" * 500},
}
EXPERIMENT_PRESSED = "staff/experiment_pressed"
"""Shown over the chat, not sent."""
