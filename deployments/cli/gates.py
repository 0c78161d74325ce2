"""The gates of an intent in words, as `sop explain` shows them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deployments.cli.output import local
from tasks.words import reason_words

STOPPED_BY = {"unreachable": "dm", "blocked": "dm", "gone": "dm", "outranked": "frequency_cap"}
"""Reasons named otherwise than the gate that gives them."""


def gate_values(gates: Mapping[str, Any], reason: str | None, zone: str) -> dict[str, str]:
    """Gate → value in words, moments in `zone`. `reason`: what was named as in the way; its gate says so."""
    quiet = gates.get("quiet_hours")
    values = {
        "halted": "yes" if gates.get("halted") else "no",
        "opted_out": _since(gates.get("opted_out"), zone),
        "dm": _dm(gates, zone),
        "goal_reached": _goal(gates, zone),
        "holdout": _holdout(gates),
        "barred": reason_words(gates["barred"]) if gates.get("barred") else "no",
        "stale": f"expires {_moment(gates['stale'], zone)}" if gates.get("stale") else "never expires",
        "quiet_hours": f"until {_moment(quiet, zone)}" if quiet else "no",
        "frequency_cap": _cap(gates),
        "zone": str(gates.get("zone")),
    }
    if stopping := gate_of(gates, reason):
        values[stopping] += " ← stops it"
    elif quiet and reason is None:
        values["quiet_hours"] += " ← defers it"
    return values


def gate_of(gates: Mapping[str, Any], reason: str | None) -> str | None:
    """The gate that gives the reason; None when no gate does."""
    if reason is None:
        return None
    if gates.get("barred") == reason:
        return "barred"
    named = STOPPED_BY.get(reason, reason)
    return named if named in GATES else None


def stopping_value(gates: Mapping[str, Any], reason: str, zone: str) -> str | None:
    """The value of the gate that gives the reason."""
    stopping = gate_of(gates, reason)
    return gate_values(gates, None, zone)[stopping] if stopping else None


GATES = (
    "halted", "opted_out", "dm", "goal_reached", "holdout", "barred", "stale", "quiet_hours", "frequency_cap",
)  # fmt: skip
"""In the order of their precedence, but for what the stage itself says."""


def _since(at: str | None, zone: str) -> str:
    return f"since {_moment(at, zone)}" if at else "no"


def _moment(at: str, zone: str) -> str | None:
    return local(datetime.fromisoformat(at), zone)


def _dm(gates: Mapping[str, Any], zone: str) -> str:
    until = gates.get("dm_until")
    return str(gates.get("dm")) + (f" until {_moment(until, zone)}" if until and gates["dm"] == "temporary" else "")


def _goal(gates: Mapping[str, Any], zone: str) -> str:
    """Which milestone was reached, and when; else which there are."""
    at, goals = gates.get("goal_reached"), gates.get("goals")
    if at:
        return f"{gates.get('goal') or 'yes'}, {_moment(at, zone)}"
    return f"no: none of {', '.join(goals)}" if goals else "no goal is set"


def _holdout(gates: Mapping[str, Any]) -> str:
    """A member draws a hundredth of a percent for good, and is held out below the playbook's percentage."""
    return "; ".join(
        f"{scope} drew {gates[f'{scope}_bucket'] / 100:.2f} %, out below {gates[f'{scope}_holdout'] / 100:g} %"
        for scope in ("global", "stage")
        if gates.get(f"{scope}_bucket") is not None
    )


def _cap(gates: Mapping[str, Any]) -> str:
    if not gates.get("promotional"):
        return "not promotional"
    day = f"24 h: {gates['sent_day']} sent + {gates['promised_day']} waiting of {gates['cap_day']}"
    week = f"7 days: {gates['sent_week']} + {gates['promised_week']} of {gates['cap_week']}"
    earlier = (gates.get("place") or 1) - 1
    return f"{day}; {week}" + (f"; {earlier} more in the same plan" if earlier else "")
