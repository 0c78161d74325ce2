"""Live sessions and their windows: who registered, watched and bought."""

from datetime import date, timedelta
from typing import Any

from community.gateway.dashboard.look import Context, Look, queries
from community.gateway.dashboard.shown import figure
from community.insight.definitions import parameters, rows_of
from community.insight.numbers import NOTHING, money
from community.insight.values import Value
from community.insight.windows import Window, day_of, start_of

MOST = 30
BOUGHT = "live_to_paid"
"""The KPI that says who of the viewers bought: of offers that have closed, and here of those still open too."""
EVER = (date(2000, 1, 1), date(2200, 1, 1))


async def show(look: Look) -> Context:
    """The sessions of the days asked for, and those to come; the newest first."""
    until = start_of(look.asked.until, look.asked.zone)
    if look.asked.until > look.asked.today:
        until += timedelta(days=366)  # those to come are added
    rows = await look.all(queries.lives, since=start_of(look.asked.since, look.asked.zone), until=until, limit=MOST)
    bought = await _bought(look, [str(row["id"]) for row in rows])
    lives = [_live(look, row, bought.get(str(row["id"]))) for row in rows]
    return {"lives": lives, "most": MOST if len(rows) == MOST else 0}


async def _bought(look: Look, lives: list[str]) -> dict[str, Value]:
    window = Window(None, *EVER, look.asked.zone)
    values = {**parameters(look.bundle.playbook, window, look.at), "lives": lives}
    rows = await look.all(queries.fill("bought", rows=rows_of(BOUGHT)), **values)
    return {row["part"]: Value(BOUGHT, window.since, row["hits"], row["base"]) for row in rows}


def _viewers(look: Look, row: dict[str, Any]) -> str:
    """Who watched, and who of them bought: the KPI's rows on the day the offer closed."""
    day = day_of(row["window_until_at"], look.asked.zone)
    closed = {"preset": None, "from": day, "to": day, "span": "day", "group": None, "source": None}
    return look.kpi_address(f"{BOUGHT}/rows", part=row["id"], **closed)


def _live(look: Look, row: dict[str, Any], bought: Value | None) -> dict[str, Any]:
    revenue = {currency: minor for currency, minor in (row["revenue"] or {}).items() if minor}
    state = "over"
    if row["cancelled_at"]:
        state = "cancelled"
    elif look.at < row["starts_at"]:
        state = "to_come"
    elif look.at < row["window_until_at"]:
        state = "open"
    return {
        **row,
        "starts": look.moment(row["starts_at"]),
        "until": look.moment(row["window_until_at"]),
        "state": state,
        "bought": bought.hits if bought else NOTHING,
        "conversion": figure(bought, look.words) if bought else NOTHING,
        "small": bought is not None and bought.small,
        "came": {of: look.asked.address(f"/dashboard/lives/{row['id']}/rows", of=of, group=None, source=None)
                 for of in ("registered", "watched")},
        "address": _viewers(look, row) if bought and state == "over" else "",
        "money": [money(int(minor), currency) for currency, minor in sorted(revenue.items())],
    }  # fmt: skip
