"""Live sessions and their windows: who registered, watched and bought."""

from datetime import timedelta
from typing import Any

from community.gateway.dashboard.look import Context, Look, queries
from community.gateway.dashboard.shown import money, percent
from community.insight.values import SMALL
from community.insight.windows import start_of

MOST = 30


async def show(look: Look) -> Context:
    """The sessions of the days asked for, and those to come; the newest first."""
    until = start_of(look.asked.until, look.asked.zone)
    if look.asked.until > look.asked.today:
        until += timedelta(days=366)  # those to come are added
    rows = await look.all(queries.lives, since=start_of(look.asked.since, look.asked.zone), until=until, limit=MOST)
    return {"lives": [_live(look, row) for row in rows], "most": MOST if len(rows) == MOST else 0}


def _live(look: Look, row: dict[str, Any]) -> dict[str, Any]:
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
        "conversion": percent(row["viewers_bought"] / row["watched"]) if row["watched"] else "–",
        "small": 0 < row["watched"] < SMALL,
        "money": [money(int(minor), currency) for currency, minor in sorted(revenue.items())],
    }
