"""Groups side by side, by the same figures."""

from typing import Any

from community.gateway.dashboard import shown
from community.gateway.dashboard.look import Context, Look, queries
from community.insight.values import Value

COLUMNS = (
    "members", "joins", "leaves", "active", "active_rate", "speakers", "messages", "retention_7", "reach_loss",
    "click_through", "sla_met", "paying", "revenue",
)  # fmt: skip
"""As an operator asks of a group (SOP 3.12): who is there, what they do, whom we reach, what it brings."""


async def show(look: Look) -> Context:
    """A line for each group, the most active first."""
    window = look.asked.last
    rows = await look.all(queries.counted_by_group, kpis=list(COLUMNS), span=window.span, since=window.since)
    values: dict[int, dict[str, list[Value]]] = {}
    for row in rows:
        value = Value(**row)
        values.setdefault(value.group_id, {}).setdefault(value.kpi, []).append(value)
    groups = await look.all(queries.groups)
    lines = [
        _line(look, group, values.get(group["id"], {}))
        for group in groups
        if (not group["lost_at"] or group["id"] in values) and look.asked.group_id in (0, group["id"])
    ]
    lines.sort(key=lambda line: (-line["active"], line["title"]))
    return {
        "columns": [(name, look.kpi(name), look.words.get(f"about_{name}", "")) for name in COLUMNS],
        "lines": lines,
        "now": look.window(window),
        "most": max((line["active"] for line in lines), default=0),
    }


def _line(look: Look, group: dict[str, Any], values: dict[str, list[Value]]) -> dict[str, Any]:
    return {
        "id": group["id"],
        "title": group["title"],
        "lost": group["lost_at"] is not None,
        "active": sum(value.hits for value in values.get("active", ())),
        "cells": [
            {
                "texts": [shown.figure(value, look.words) for value in values.get(name, ())],
                "small": any(value.small for value in values.get(name, ())),
                "address": look.kpi_address(name, group=group["id"], source=None),
            }
            for name in COLUMNS
        ],
    }
