"""Service: how soon people were answered, and whom somebody has promised to call."""

from typing import Any

from community.gateway.dashboard import shown
from community.gateway.dashboard.look import Context, Look, queries
from community.gateway.dashboard.parts import parts_of
from community.gateway.dashboard.tiles import judged, tile
from community.insight.values import Value
from community.kpis import FAMILIES
from community.members.names import display_name

MOST = 50


async def show(look: Look) -> Context:
    """The KPIs of service, those of their parts, and what is open now."""
    windows = look.asked.drawn
    kpis = FAMILIES["service"]
    names = [kpi.name for kpi in kpis]
    series = await look.values(names, look.asked.span, windows[0].since, windows[-1].until)
    begun, last = await look.begun(), windows[-1]
    parts = [
        Value(**row) for row in await look.all(queries.counted_by_part, kpis=names, span=last.span, since=last.since)
    ]
    called = {name: await parts_of(look, name, (v.part for v in parts if v.kpi == name)) for name in names}
    promised = await look.all(queries.promised, at=look.at)
    upcoming = await look.all(queries.next_promised, at=look.at, limit=MOST)
    return {
        "tiles": judged({"service": [tile(look, kpi, series, windows, begun) for kpi in kpis]})["service"],
        "now": look.window(last),
        "parts": [
            {"kpi": look.kpi(value.kpi), "part": called[value.kpi][value.part], "small": value.small,
             "number": shown.figure(value, look.words), "of": value.base,
             "address": look.kpi_address(f"{value.kpi}/rows", part=value.part, group=None, source=None)}
            for value in parts
        ],
        "promised": [
            {**row, "kind": look.word("kind", row["kind"]), "oldest": look.moment(row["oldest_at"])} for row in promised
        ],
        "open": sum(row["open"] for row in promised),
        "upcoming": [_promise(look, row) for row in upcoming],
    }  # fmt: skip


def _promise(look: Look, row: dict[str, Any]) -> dict[str, Any]:
    name = display_name(row["first_name"], row["last_name"], row["username"])
    return {**row, "name": name, "kind": look.word("kind", row["kind"]), "due": look.moment(row["due_at"])}
