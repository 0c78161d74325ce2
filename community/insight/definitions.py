"""A KPI's definition: the SQL of its name in `kpis/*.sql`, which yields the rows that are counted.

Its columns, in any order: `key` (bigint: what is counted, each once), `member_id`, `group_id`, `part` (text),
`at`, `hit` (boolean), `minor` and `currency` (money), `seconds`; and `source`, where the registry says that its rows
have their own. It may ask for `since` and `until` (the window's
moments), `since_day` and `until_day` (its days), and what `parameters` adds of the playbook. What happened from `until`
on never matters.
"""

from functools import cache
from pathlib import Path
from typing import Any, LiteralString

from community.database.queries import Queries, load
from community.insight.windows import Window
from community.playbook import Playbook

FOLDER = Path(__file__).parent / "kpis"
money = load(__file__, "money.sql")


@cache
def _defined() -> dict[str, Queries]:
    return {
        name: queries for path in sorted(FOLDER.glob("*.sql")) for queries in [Queries(path)] for name in queries.names
    }


def defined() -> list[str]:
    """The names of all that SQL defines."""
    return list(_defined())


@cache
def rows_of(kpi: str) -> LiteralString:
    """The SELECT of the rows that the KPI counts."""
    running = slices(asked=money.asked_running, places=money.place_running)
    parts = {"slices": running, "paying": money.paying, "first_purchases": money.first_purchases}
    return _defined()[kpi].fill(kpi, **parts)


def slices(*, asked: LiteralString, places: LiteralString) -> LiteralString:
    """Paid terms in monthly slices: of the terms `asked` for, and of each those in such `places` from its beginning."""
    earned = money.fill("earned", asked=asked, in_force=money.in_force)
    return money.fill("slices", earned=earned, places=places)


def parameters(playbook: Playbook, window: Window) -> dict[str, Any]:
    """What the definitions may ask for."""
    return {
        "since": window.since_at,
        "until": window.until_at,
        "since_day": window.since,
        "until_day": window.until,
        "zone": window.zone,
        "activity": list(playbook.signs.activity),
        "speaking": list(playbook.signs.speaking),
        "lines": list(playbook.insight.recurring),
        "on_time": playbook.on_time,
        "trials": [key for key, plan in playbook.plans.items() if plan.trial],
    }
