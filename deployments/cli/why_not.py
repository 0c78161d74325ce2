"""`sop explain STAGE --why-not STEP`: who did not get a step, by reason."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from community.members.names import display_name
from community.outreach.why_not import WhyNot, why_not as look
from deployments.cli.gates import stopping_value
from deployments.cli.output import console, local, print_json, print_table
from deployments.cli.session import session
from tasks.words import PUT_OFF, STATES, reason_words

WHAT = {"decided": "not sent", "today": "would not be sent now"}


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for. `reason`: list only those with it."""

    stage: str
    step: str
    as_of: str
    reason: str | None
    limit: int
    as_json: bool


def why_not(request: Request) -> None:
    """Print how many did not get the step for which reason, and who."""
    asyncio.run(_why_not(request))


async def _why_not(request: Request) -> None:
    async with session() as s:
        bundle = await s.bundle()
        zone = bundle.playbook.community.zone
        at = await s.moment(request.as_of, zone)
        found = await look(s.conn, bundle, request.stage, request.step, at, reason=request.reason, limit=request.limit)
    if request.as_json:
        print_json(_as_json(request, found, at))
    else:
        _print(request, found, at, zone)


def _print(request: Request, found: WhyNot, at: datetime, zone: str) -> None:
    span = f"{local(found.since, zone)} to {local(at, zone)} {zone}"
    print(f"{request.stage}/{request.step}: who did not get it, of what came due from {span}.")
    if not found.counts:
        print("Nobody. Whom the stage does not ask at all: `sop explain MEMBER` says why.")
    counts = [(c["reason"], c["members"], WHAT.get(c["what"], c["what"]), _why(c)) for c in found.counts]
    print_table(console(), "How many", ("reason", "messages", "what became of it", "because"), counts)
    listed = [
        (row["member_id"], _name(row), row["reason"], local(row["due_at"], zone), _value(row, zone))
        for row in found.listed
    ]
    of = sum(c["members"] for c in found.counts if request.reason in (None, c["reason"]))
    head = ("member", "name", "reason", "due", "the gate then")
    print_table(console(), f"Who ({len(listed):,} of {of:,})", head, listed)


def _why(row: dict[str, Any]) -> str:
    put_off = row["what"] == "waiting" and row["reason"] in PUT_OFF
    return f"waits {PUT_OFF[row['reason']]}" if put_off else reason_words(row["reason"] or "unknown")


def _value(row: dict[str, Any], zone: str) -> str | None:
    """The gate's value; of a message that was dropped what became of it."""
    if row["gates"] is None:
        return f"message {row['message_id']}: {STATES[row['what']]}"
    at = f"; decided {local(row['at'], zone)}" if row["at"] else ""
    return f"{stopping_value(row['gates'], row['reason'], zone) or reason_words(row['reason'])}{at}"


def _name(row: dict[str, Any]) -> str:
    return display_name(row["first_name"], row["last_name"], row["username"])


def _as_json(request: Request, found: WhyNot, at: datetime) -> dict[str, Any]:
    return {
        "stage": request.stage,
        "step": request.step,
        "since": found.since.isoformat(),
        "as_of": at.isoformat(),
        "counts": [{**row, "because": _why(row)} for row in found.counts],
        "members": [_entry(row) for row in found.listed],
    }


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    kept = {key: row[key] for key in ("occurrence", "due_at", "reason", "what", "at", "message_id", "gates")}
    entry = {"member": row["member_id"], "name": _name(row), **kept, "because": _why(row)}
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in entry.items()}
