"""`sop preview`."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from community.bundle import Bundle
from community.channels.channel import Outgoing
from community.members.names import display_name
from community.outbox.render import RenderError
from community.outreach.plan import preview as preview_rows, tally
from deployments.cli.compose import panel, texts_of
from deployments.cli.output import console, local, named, print_json, print_table
from deployments.cli.session import session
from tasks.words import reason_words

LOOKED_AT = 10_000
"""Candidates read to list some of each kind; the counts are of all."""
OUTCOMES = {
    "send": "would be sent now",
    "deferred": "would be sent in the member's morning (quiet hours)",
    "already": "planned earlier",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for. `show`: messages to show in full; None: all where members are named."""

    stage: str
    as_of: str
    members: Sequence[str]
    limit: int
    show: int | None
    as_json: bool

    @property
    def shown(self) -> int:
        """How many messages are shown in full."""
        if self.show is None:
            return LOOKED_AT if self.members else 0
        return self.show


@dataclass(frozen=True, slots=True)
class Found:
    """What a plan would decide. `texts`: the first sends in full."""

    as_of: datetime
    bundle: Bundle
    counts: Sequence[dict[str, Any]]
    send: Sequence[dict[str, Any]]
    skip: Sequence[dict[str, Any]]
    texts: Sequence[Outgoing | RenderError]


def preview(request: Request) -> None:
    """Print what a plan at that moment would decide."""
    found = asyncio.run(_look(request))
    if request.as_json:
        print_json(_as_json(request, found))
    else:
        _print(request, found)


async def _look(request: Request) -> Found:
    async with session() as s:
        bundle = await s.bundle()
        as_of = await s.moment(request.as_of, bundle.playbook.community.zone)
        members = [(await s.member(name)).id for name in request.members] or None
        counts = await tally(s.conn, bundle, request.stage, as_of, members=members)
        rows = await preview_rows(s.conn, bundle, request.stage, as_of, members=members, limit=LOOKED_AT)
        send = [row for row in rows if row["reason"] is None]
        skip = [row for row in rows if row["reason"] is not None]
        texts = await texts_of(s, send[: request.shown])
    return Found(as_of, bundle, counts, send[: max(request.limit, len(texts))], skip[: request.limit], texts)


def _print(request: Request, found: Found) -> None:
    out, zone = console(), found.bundle.playbook.community.zone
    stage = found.bundle.playbook.stage(request.stage)
    places = {step.name: place for place, step in enumerate(stage.steps)}
    print(
        f"{request.stage} at {local(found.as_of, zone)} {zone}, playbook {found.bundle.hash[:12]}. Nothing is written."
    )
    if not stage.enabled:
        print("The stage is switched off in the playbook: none of this is sent until it is switched on.")
    counts = sorted(found.counts, key=lambda row: (places.get(row["step"], len(places)), row["outcome"]))
    rows = [(row["step"], row["members"], _outcome(row["outcome"])) for row in counts if row["members"]]
    print_table(out, "How many", ("step", "messages", "outcome"), rows)
    if not rows:
        print("The stage asks for nobody at that moment.")
    sends = [(*_who(row), named(row["step"], row["variant"]), local(row["send_at"], zone)) for row in found.send]
    print_table(out, f"Who would get what ({_of(found, True)})", ("member", "name", "step", "when"), sends)
    skips = [
        (*_who(row), named(row["step"], row["variant"]), local(row["due_at"], zone), reason_words(row["reason"]))
        for row in found.skip
    ]
    print_table(out, f"Who would not, and why ({_of(found, False)})", ("member", "name", "step", "due", "why"), skips)
    for row, text in zip(found.send, found.texts, strict=False):
        out.print(panel(row, text))


def _of(found: Found, sends: bool) -> str:
    """How many of how many are listed."""
    outcomes = [row for row in found.counts if (row["outcome"] in ("send", "deferred")) is sends]
    total = sum(row["members"] for row in outcomes if row["outcome"] != "already")
    return f"{len(found.send if sends else found.skip):,} of {total:,}"


def _outcome(outcome: str) -> str:
    return OUTCOMES.get(outcome) or f"not sent: {reason_words(outcome)}"


def _who(row: dict[str, Any]) -> tuple[int, str]:
    return row["member_id"], display_name(row["first_name"], row["last_name"], row["username"])


def _as_json(request: Request, found: Found) -> dict[str, Any]:
    texts = dict(enumerate(found.texts))
    return {
        "stage": request.stage,
        "as_of": found.as_of.isoformat(),
        "bundle": found.bundle.hash,
        "enabled": found.bundle.playbook.stage(request.stage).enabled,
        "counts": found.counts,
        "send": [_entry(row, "send_at", texts.get(place)) for place, row in enumerate(found.send)],
        "skip": [_entry(row, "reason", None) for row in found.skip],
    }


def _entry(row: dict[str, Any], own: str, text: Outgoing | RenderError | None) -> dict[str, Any]:
    number, name = _who(row)
    entry = {
        "member": number,
        "name": name,
        **{key: row[key] for key in ("step", "variant", "occurrence", "due_at", "expires_at", own)},
    }
    entry["gates"] = row["gates"]
    if isinstance(text, Outgoing):
        entry["text"] = text.text
    elif text is not None:
        entry["error"] = str(text)
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in entry.items()}
