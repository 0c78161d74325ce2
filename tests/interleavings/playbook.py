"""The playbook of a community that lives at random: as shipped, with caps that are soon full and a goal."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from community.bundle import Bundle
from community.outreach import statements

HERE = Path(__file__).parent
OFFER: dict[str, Any] = {
    "class": "campaign",
    "priority": 9,
    "schedule": {"cron": "0 * * * *", "zone": "Asia/Shanghai"},
    "plan_ahead": "3h",
    "goal": "purchase",
    "steps": [
        {"name": name, "at": at, "expires_after": "30h", "promotional": True, "late": late}
        for name, at, late in (("early", "09:30", "send"), ("noon", "13:00", "collapse"), ("late", "20:30", "collapse"))
    ],
}
DRIP = {"day_1": (1, "10:00", "send"), "day_2": (1, "20:30", "collapse"), "day_3": (2, "09:00", "collapse"),
        "day_4": (2, "21:30", "skip"), "day_5": (3, "10:00", "send"), "day_6": (3, "18:00", "send"),
        "day_7": (5, "10:00", "send")}  # fmt: skip
"""Day, time, and what becomes of it when late: closer together than anybody would have it."""


def restless(bundle: Bundle) -> Bundle:
    """The bundle with two promotional messages a day and four a week at most, and three offers a day for everyone."""
    source: dict[str, Any] = deepcopy(dict(bundle.source))
    drip = source["stages"]["welcome_drip"]
    drip["goal"] = "purchase"
    for step in drip["steps"]:
        if timing := DRIP.get(step["name"]):
            step |= dict(zip(("day", "at", "late"), timing, strict=True))
    source["stages"]["offer"] = OFFER
    source["caps"] = {"per_day": 2, "per_week": 4}
    words = [f"offer/{step['name']}" for step in OFFER["steps"]]
    copy = {
        locale: {**files, **dict.fromkeys(words, files["welcome_drip/day_1"])} for locale, files in bundle.copy.items()
    }
    return Bundle(source, copy)


@contextmanager
def with_offer() -> Iterator[None]:
    """The audience of the offer beside those that are shipped."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for path in (*statements.AUDIENCES.glob("*.sql"), HERE / "offer.sql"):
            (Path(folder) / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        patch.setattr(statements, "AUDIENCES", Path(folder))
        statements.forget()
        yield
    statements.forget()
