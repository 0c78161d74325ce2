"""The gates of an intent in words, as `sop explain` shows them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deployments.cli.output import local

STOPPED_BY = {"unreachable": "dm", "blocked": "dm", "gone": "dm"}
"""Reasons named otherwise than the gate that gives them."""


def gate_values(gates: Mapping[str, Any], reason: str | None, zone: str) -> dict[str, str]:
    """Gate → value in words, moments in `zone`. `reason`: what was named as in the way; its gate says so."""
    quiet = gates.get("quiet_hours")
    values = {
        "halted": "yes" if gates.get("halted") else "no",
        "opted_out": _since(gates.get("opted_out"), zone),
        "dm": str(gates.get("dm")),
        "goal_reached": _since(gates.get("goal_reached"), zone),
        "holdout": _holdout(gates),
        "stale": f"expires {_moment(gates['stale'], zone)}" if gates.get("stale") else "never expires",
        "quiet_hours": f"until {_moment(quiet, zone)}" if quiet else "no",
        "frequency_cap": _cap(gates),
        "zone": str(gates.get("zone")),
    }
    if (stopping := STOPPED_BY.get(reason or "", reason)) in values:
        values[stopping] += " ← stops it"
    elif quiet and reason is None:
        values["quiet_hours"] += " ← defers it"
    return values


def _since(at: str | None, zone: str) -> str:
    return f"since {_moment(at, zone)}" if at else "no"


def _moment(at: str, zone: str) -> str | None:
    return local(datetime.fromisoformat(at), zone)


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
