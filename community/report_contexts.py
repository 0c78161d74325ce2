"""What the copy about reports is given, with sample values at their worst for the check."""

from typing import Any

REPORTS: dict[str, dict[str, Any]] = {
    "staff/report": {
        "report": {
            "kind": "monthly",
            "title": "Monthly review · 30 Nov 2026 to 30 Nov 2026",
            "numbers": ["<" + "x" * 59] * 7,
            "notable": ["<" + "x" * 99] * 2,
            "findings": ["<" + "x" * 99],
            "more": 10**3,
            "full": "<" + "x" * 79,
        }
    },
    "staff/watch": {
        "report": {
            "title": "Daily watch · 30 Nov 2026",
            "findings": [{"what": "<" + "x" * 199, "next": "<" + "x" * 99, "rows": "<" + "x" * 59}] * 2,
            "numbers": ["<" + "x" * 29],
            "more": 10**2,
            "lasting": 10**2,
            "full": "<" + "x" * 79,
        }
    },
}
"""The lines of a post are as many as have room in a caption together (`community.insight.report_post.told`)."""
