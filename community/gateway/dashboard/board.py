"""The board: every KPI in the newest window, beside the one before."""

from community.gateway.dashboard.look import Context, Look
from community.gateway.dashboard.tiles import Tile, derived_tile, judged, months, tile
from community.insight.windows import Span
from community.kpis import DERIVED, FAMILIES, KPIS

DIVIDED = sorted({name for kpi in DERIVED.values() for name in (kpi.above, kpi.below)})
OF_MOVEMENTS = frozenset({"mrr_movements"})
"""Told by their parts alone: together they are the change of another."""


async def show(look: Look) -> Context:
    """Tiles by family; those that changed by more than chance once more on top."""
    windows = look.asked.drawn
    series = await look.values(list(KPIS), look.asked.span, windows[0].since, windows[-1].until)
    begun = await look.begun()
    families = {
        family: [tile(look, kpi, series, windows, begun) for kpi in kpis if kpi.name not in OF_MOVEMENTS]
        for family, kpis in FAMILIES.items()
    }
    families["money"] += await _derived(look)
    families = judged(families)
    notable = [each for tiles in families.values() for each in tiles if each.notable]
    return {
        "families": families,
        "notable": notable,
        "empty": not series,
        "now": look.window(windows[-1]),
        "before": look.window(windows[-2]),
    }


async def _derived(look: Look) -> list[Tile]:
    spans = months(look.asked.drawn, look.asked.today)
    series = await look.values(DIVIDED, Span.month, spans[0].since, spans[-1].until)
    return [derived_tile(look, kpi, series, spans) for kpi in DERIVED.values()]
