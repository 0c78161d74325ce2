"""The statements of planning: a stage's audience and the guardrails filled into them, and their parameters."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from cronsim import CronSim

from community.bundle import Bundle
from community.database.pool import Connection
from community.database.queries import Queries, load
from community.errors import UnknownStage
from community.outbox.guardrails import GATE_VALUES, GATED, gate_parameters
from community.outreach.in_flight import in_flight
from community.playbook import Playbook
from community.playbook_stages import Late, Schedule, Stage, Step, template_name

queries, candidate_queries = load(__file__), load(__file__, "candidates.sql")
AUDIENCES = Path(__file__).parent / "audiences"
ASKED_FOR = re.compile(r"([\w.]*id) = ANY \(%\(members\)s\)")
_OF_THE_SHARE = r"mod(\1 / 4096, %(shares)s) = %(share)s"
"""Shares are of whole blocks of members, so that they do not write to the same pages of an index."""


def parameters(
    playbook: Playbook,
    stage_name: str,
    steps: Sequence[Step],
    as_of: datetime,
    members: Sequence[int] | None,
    *,
    now_at: datetime | None = None,
    open_plans: Sequence[int] = (),
) -> dict[str, Any]:
    """Values of a planning statement: the audience is asked as of `as_of`, the gates judge at `now_at`, if another."""
    stage: Stage = playbook.stage(stage_name)
    now_at = now_at or as_of
    return {
        **gate_parameters(playbook, now_at, stage),
        "as_of": as_of + stage.horizon,
        "due_by": as_of + stage.horizon,
        "stage": stage_name,
        "goals": [stage.goal] if stage.goal else None,
        "activity": list(playbook.signs.activity),
        "speaking": list(playbook.signs.speaking),
        "consultants": list(playbook.care.consultants),
        "members": list(members) if members is not None else None,
        "open": list(open_plans),
        "shares": 1,
        "share": 0,
        "run_before": run_before(stage.schedule, now_at),
        **_columns(playbook, stage_name, stage, steps),
    }


def _columns(playbook: Playbook, stage_name: str, stage: Stage, steps: Sequence[Step]) -> dict[str, list[Any]]:
    rows = [row for step in steps for row in step.rows()]
    return {
        "step": [row.name for row in rows],
        "name": [row.step.name for row in rows],
        "template": [template_name(stage_name, row.words) for row in rows],
        "own_time": [row.step.at for row in rows],
        "experiment": [row.step.experiment and row.step.experiment.key for row in rows],
        "variant": [row.variant and row.variant.name for row in rows],
        "low": [row.low for row in rows],
        "high": [row.high for row in rows],
        "segmented": [row.name for row in rows for _ in row.step.segments],
        "segment": [segment for row in rows for segment in row.step.segments],
        **_timed(playbook, stage, [row.planned for row in rows]),
    }


def _timed(playbook: Playbook, stage: Stage, steps: Sequence[Step]) -> dict[str, list[Any]]:
    offers = [playbook.offers.get(step.offer or "") for step in steps]
    return {
        "moment": [step.moment for step in steps],
        "who": [step.who for step in steps],
        "plans": [",".join(step.plans) or None for step in steps],
        "day": [step.day for step in steps],
        "local_time": [step.at for step in steps],
        "after": [step.after for step in steps],
        "every": [step.every for step in steps],
        "expires_after": [step.expires_after for step in steps],
        "promotional": [step.promotional for step in steps],
        "exempt": [step.exempt for step in steps],
        "skip_late": [step.late is Late.skip for step in steps],
        "collapse": [step.late is Late.collapse for step in steps],
        "lane": [stage.lane(step) for step in steps],
        "offer": [step.offer for step in steps],
        "prefix": [offer.prefix if offer else None for offer in offers],
    }


async def of_each_version(
    conn: Connection,
    bundle: Bundle,
    stage_name: str,
    as_of: datetime,
    members: Sequence[int] | None,
    *,
    now_at: datetime | None = None,
    open_plans: Sequence[int] = (),
) -> list[tuple[Bundle, dict[str, Any]]]:
    """The present version, and each that somebody stays with, with the parameters of a statement for its members.

    Steps and words are the version's; the guardrails, and the runs that there are, those in force.
    """
    stage, now_at = bundle.playbook.stage(stage_name), now_at or as_of
    flight = await in_flight(conn, stage_name, now_at)
    gates = {**gate_parameters(bundle.playbook, now_at, stage), "run_before": run_before(stage.schedule, now_at)}
    follow: list[tuple[Bundle, dict[str, Any]]] = [(bundle, flight.values)]
    follow += [(older.bundle, gates | older.values) for older in flight.older]
    return [
        (
            version,
            parameters(
                version.playbook,
                stage_name,
                version.playbook.stage(stage_name).steps,
                as_of,
                members,
                now_at=now_at,
                open_plans=open_plans,
            )
            | {"bundle": version.hash, **who},
        )
        for version, who in follow
    ]


def run_before(schedule: Schedule, as_of: datetime) -> datetime:
    """When the schedule fired last before `as_of`: what was due by then is late now."""
    return next(CronSim(schedule.cron, as_of.astimezone(ZoneInfo(schedule.zone)), reverse=True))


def judged_at(schedule: Schedule, as_of: datetime, ran_at: datetime | None) -> datetime:
    """The moment at which a run for `as_of` judges what is due: another when it takes place much later, at `ran_at`.

    After an outage several runs may come at once, in any order. What is late, and what a newer step makes superfluous,
    all of them tell by the newest time of the schedule that has come.
    """
    if ran_at is None:
        return as_of
    return max(as_of, run_before(schedule, ran_at + timedelta(microseconds=1)))


def statement(name: str, values: dict[str, Any]) -> LiteralString:
    """The statement `name` for the stage and steps that the `parameters` are of."""
    return _fill(
        values["stage"],
        name,
        everyone=values["members"] is None,
        collapses=any(values["collapse"]),
        proposed=bool(values["open"]),
        window="due_from" in values,
        looks="looks" in values,
        varied=any(values["variant"]),
        segments=bool(values["segmented"]),
        follows=next((name for name in ("followed", "older") if name in values), ""),
        added=bool(values.get("added")),
    )


@cache
def _fill(
    stage: str,
    name: str,
    *,
    everyone: bool,
    collapses: bool,
    proposed: bool,
    window: bool,
    looks: bool,
    varied: bool,
    segments: bool,
    follows: str,
    added: bool,
) -> LiteralString:
    """The statement with the stage's audience and the guardrails in their places.

    An audience names the members asked for as `id = ANY (%(members)s)`. For everyone that becomes the condition of the
    share, so that each of the two has a plan of its own: a join of one member must never look at all of them.
    """
    audience = _audience(stage).audience
    if everyone:
        audience = ASKED_FOR.sub(_OF_THE_SHARE, audience)
    if looks:
        audience = candidate_queries.fill("looks", audience=audience.replace("%(as_of)s", "looks.at"))
    if segments:  # first: a variant of a step goes by a name of its own until one is drawn
        audience = candidate_queries.fill("segmented", audience=audience)
    if varied:
        audience = candidate_queries.fill("varied", audience=audience)
    if follows:
        audience = candidate_queries.fill("follows", audience=audience, them=getattr(candidate_queries, follows))
    candidates = candidate_queries.fill(
        "candidates",
        audience=audience,
        of_step="ON s.place = a.place" if varied else "USING (step)",
        variant="a.variant" if varied else "NULL::text",
        newest=candidate_queries.newest if collapses else "NULL::timestamptz",
        proposed=candidate_queries.proposed if proposed else "",
        added=candidate_queries.fill("added", awaited=candidate_queries.awaited if proposed else "")
        if added
        else "NULL",
        window=candidate_queries.window if window else "",
        gated=GATED,
    )
    return queries.fill(name, stopped=queries.stopped, candidates=candidates, gated=GATED, gate_values=GATE_VALUES)


@cache
def _audience(stage: str) -> Queries:
    path = AUDIENCES / f"{stage}.sql"
    if not path.exists():
        raise UnknownStage(f"{stage}: no audience; write {path.name} beside the others")
    return Queries(path)


def absence(stage: str) -> LiteralString:
    """The query that says why the stage's audience does not name a member; its parameters are of all steps."""
    return _audience(stage).absence


def forget() -> None:
    """Read the audiences anew."""
    _fill.cache_clear()
    _audience.cache_clear()
