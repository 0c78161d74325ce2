"""Service: how soon people were answered, and whom somebody has promised to call."""

from typing import Any

from community.gateway.dashboard import shown
from community.gateway.dashboard.look import Context, Look, queries
from community.gateway.dashboard.tiles import tile
from community.insight.values import Value
from community.kpis import FAMILIES
from community.members.names import display_name

MOST = 50


async def show(look: Look) -> Context:
    """The KPIs of service, those of their parts, and what is open now."""
    windows = look.asked.windows
    kpis = FAMILIES["service"]
    names = [kpi.name for kpi in kpis]
    series = await look.values(names, look.asked.span, windows[0].since, windows[-1].until)
    last = windows[-1]
    parts = [
        Value(**row) for row in await look.all(queries.counted_by_part, kpis=names, span=last.span, since=last.since)
    ]
    promised = await look.all(queries.promised, at=look.at)
    upcoming = await look.all(queries.next_promised, at=look.at, limit=MOST)
    return {
        "tiles": [tile(look, kpi, series, windows) for kpi in kpis],
        "now": look.window(last),
        "parts": [
            {"kpi": look.kpi(value.kpi), "part": value.part, "number": shown.figure(value, look.words),
             "of": value.base, "small": value.small}
            for value in parts
        ],
        "promised": [{**row, "oldest": look.moment(row["oldest_at"])} for row in promised],
        "open": sum(row["open"] for row in promised),
        "upcoming": [_promise(look, row) for row in upcoming],
    }  # fmt: skip


def _promise(look: Look, row: dict[str, Any]) -> dict[str, Any]:
    name = display_name(row["first_name"], row["last_name"], row["username"])
    return {**row, "name": name, "due": look.moment(row["due_at"])}
