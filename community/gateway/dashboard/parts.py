"""What the parts of a KPI are called: plans, live sessions, steps, kinds of tasks, providers, movements."""

from collections.abc import Iterable, Mapping

from community.gateway.dashboard.look import Look
from community.insight.report_tables import titles
from community.kpis import FAMILIES

LIVE = "live_to_paid"
KINDS = {
    "mrr_movements": "part",
    "first_response": "kind",
    "sla_met": "kind",
    "callback_success": "provider",
    **{kpi.name: "stage" for kpi in FAMILIES["outreach"]},
}
"""KPIs whose parts have a word (`<kind>_<part>`) in words.yaml. Those of others are plans, or have their own names."""


async def parts_of(look: Look, kpi: str, parts: Iterable[str]) -> Mapping[str, str]:
    """What these parts of the KPI are called; the part itself where nobody has a word for it."""
    keys = sorted(set(parts))
    lives = [f"live:{part}" for part in keys] if kpi == LIVE else []
    known = await titles(look.conn, look.bundle.playbook, (), lives) if kpi not in KINDS else {}
    default = look.bundle.playbook.community.locale

    def called(part: str) -> str:
        if kind := KINDS.get(kpi):
            stage, slash, step = part.partition("/")
            return f"{look.word(kind, stage)}{slash}{step}"
        of = known.get(f"live:{part}" if kpi == LIVE else f"plan:{part}", {})
        return of.get(look.locale) or of.get(default) or of.get("") or part

    return {part: called(part) for part in keys}
