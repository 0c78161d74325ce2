"""The guardrails' SQL text and the parameters it takes from the playbook."""

from datetime import datetime
from typing import Any, LiteralString

from community.database.queries import load
from community.playbook import Playbook
from community.playbook_stages import Stage

_texts = load(__file__, "guardrails.sql")

GATED: LiteralString = _texts.gated
"""CTEs from `known` to `gated`; the statement around it supplies `candidates`."""
GATE_VALUES: LiteralString = _texts.gate_values
"""An expression over `gated`: every gate with its value, as JSON."""


def gate_parameters(playbook: Playbook, now_at: datetime, planned: Stage | None = None) -> dict[str, Any]:
    """Values of the guardrails at a moment. Holdouts are percent, compared with buckets of a hundredth of a percent.

    They hold for a stage that is being `planned`; the claim does not judge them again.
    """
    quiet = playbook.quiet_hours
    return {
        "now_at": now_at,
        "zone": playbook.group_defaults.zone or playbook.community.zone,
        "quiet_from": quiet.start if quiet else None,
        "quiet_to": quiet.end if quiet else None,
        "cap_day": playbook.caps.per_day,
        "cap_week": playbook.caps.per_week,
        "salt": playbook.holdout.salt,
        "global_holdout": round(playbook.holdout.percent * 100) if planned else 0,
        "stage_holdout": round(planned.holdout * 100) if planned else 0,
    }
