"""A KPI's definition: the SQL of its name in `kpis/*.sql`, which yields the rows that are counted.

Its columns, in any order: `key` (bigint: what is counted, each once), `member_id`, `group_id`, `part` (text),
`at`, `hit` (boolean), `minor` and `currency` (money), `seconds`; and `source`, where the registry says that its rows
have their own. It may ask for `since` and `until` (the window's moments), `since_day` and `until_day` (its days), `now`
(or when it ended), and what `parameters` adds of the playbook. What happened from `until` on never matters. What
several need is in `fragments.sql` and `money.sql`, and named in braces.
"""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, LiteralString

from community.database.queries import Queries, load
from community.insight.windows import Window
from community.kpis import KPIS
from community.playbook import Playbook

FOLDER = Path(__file__).parent / "kpis"
KEPT = ("inside", "did")
"""Fragments that several KPIs of a window read, and that take long to find: counting finds them once for all."""
fragments, money_queries = load(__file__, "fragments.sql"), load(__file__, "money.sql")


@cache
def _defined() -> dict[str, Queries]:
    families = [Queries(path) for path in sorted(FOLDER.glob("*.sql"))]
    return {name: family for family in families for name in family.names}


def defined() -> list[str]:
    """The names of all that SQL defines."""
    return list(_defined())


@cache
def rows_of(kpi: str, *, kept: bool = False) -> LiteralString:
    """The SELECT of the rows that the KPI counts. `kept`: what several of them read is in temporary tables."""
    tables = {name: fragments.fill("kept", table=name) for name in KEPT} if kept else {}
    return _defined()[kpi].fill(kpi, **(_fragments() | tables))


@cache
def kept_by(kpi: str) -> list[str]:
    """What of `KEPT` the KPI reads."""
    text = getattr(_defined()[kpi], kpi)
    return [name for name in KEPT if "{{" + name + "}}" in text]


def kept_text(name: str) -> str:
    """The SELECT of one of `KEPT`."""
    return _fragments()[name]


def source_of(kpi: str) -> LiteralString:
    """Where a row (`r`) came from: as it says itself, or as its member (`s`) did."""
    return fragments.fill("own_source" if KPIS[kpi].own_source else "source")


def slices(*, asked: LiteralString, places: LiteralString) -> LiteralString:
    """Paid terms in monthly slices: of the terms `asked` for, and of each those in such `places` from its beginning."""
    earned = money_queries.fill("earned", asked=asked, in_force=money_queries.in_force)
    return money_queries.fill("slices", earned=earned, places=places)


@cache
def _fragments() -> dict[str, str]:
    since, until = (fragments.fill("present_at", moment=f"%({moment})s") for moment in ("since", "until"))
    inside = fragments.fill("inside", present=since)
    entered = {f"entered_{days}": fragments.fill("entered", days=str(days)) for days in (7, 14, 37)}
    there = {
        f"there_from_{day}": fragments.fill("there_from", first=str(day), shows=fragments.shows) for day in (7, 30)
    }
    return {
        **entered,
        **there,
        "cohort": fragments.cohort,
        "shows": fragments.shows,
        "speaks": fragments.speaks,
        "asked": fragments.asked,
        "inside": inside,
        "did": fragments.fill("did", shows=fragments.shows, speaks=fragments.speaks),
        "present_at_end": until,
        "slices": slices(asked=money_queries.asked_running, places=money_queries.place_running),
        "paying": money_queries.paying,
        "first_purchases": money_queries.first_purchases,
    }


def parameters(playbook: Playbook, window: Window, now_at: datetime | None = None) -> dict[str, Any]:
    """What the definitions may ask for. `now_at`: the window may not be over yet."""
    return {
        "now": min(now_at, window.until_at) if now_at else window.until_at,
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
