"""Versions of the SOP in flight: by which one a member goes on who is half-way when another comes into force."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, TypeAlias

from community.bundle import Bundle
from community.database.pool import Connection
from community.database.queries import load
from community.errors import PlaybookError, VersionChanged
from community.outbox.bundles import Bundles
from community.playbook_stages import InFlight, Stage, Step

queries = load(__file__, "in_flight.sql")

MARGIN = timedelta(days=60)
"""So much longer than its steps take may an occurrence go on: a live session's are counted from several moments."""
WORDS_ONLY = {"own_class", "promotional", "exempt"}
"""What of a step can change without changing who gets it and when."""
Added: TypeAlias = tuple[tuple[str, datetime], ...]
_TIMED = {"message_class", "priority", "goal", "plan_ahead", "steps"}


@dataclass(frozen=True, slots=True)
class Older:
    """A version that members go on by. `bundles`: all under which they may have begun who go on by it.

    `added`: steps that came to these members with it, or with one that they went by before, and when.
    """

    edition: str
    bundle: Bundle
    bundles: list[str]
    added: Added

    def stage(self, name: str) -> Stage:
        """The stage as it is in this version."""
        return self.bundle.playbook.stage(name)

    @property
    def values(self) -> dict[str, Any]:
        """What a statement needs to know for who goes on by it."""
        return {"followed": self.bundles, **_values(self.added)}


@dataclass(frozen=True, slots=True)
class Versions:
    """What a stage is planned by: the present version for who did not begin by an older one that they stay with."""

    older: tuple[Older, ...] = ()
    added: Added = ()

    @property
    def values(self) -> dict[str, Any]:
        """What a statement of the present version needs to know; nothing, if nothing older is in flight."""
        older = [bundle for each in self.older for bundle in each.bundles]
        return ({"older": older} if older else {}) | _values(self.added)


def _values(added: Added) -> dict[str, Any]:
    return {"added": [step for step, _ in added], "added_at": [at for _, at in added]} if added else {}


async def in_flight(conn: Connection, stage_name: str, at: datetime) -> Versions:
    """What is in flight of the stage at `at` (SOP time), as it was last planned."""
    return await _read(conn, await rows_of(conn, stage_name, at), at)


async def is_new(conn: Connection, bundle: Bundle, stage_name: str, at: datetime) -> bool:
    """Whether the stage was planned by another version up to now, or by none, and is to be by this one.

    Only the version in force takes over: a process that has not seen the newest publication yet changes nothing.
    """
    rows = await rows_of(conn, stage_name, at)
    if not rows or rows[0]["bundle"] == bundle.hash:
        return not rows
    newest = await (await conn.execute(queries.published)).fetchone()
    return newest is None or newest["bundle"] == bundle.hash


async def check_present(conn: Connection, bundle: Bundle, stage_name: str, at: datetime) -> None:
    """Raise VersionChanged if another version than this one has taken over in the stage."""
    rows = await rows_of(conn, stage_name, at)
    if rows and rows[0]["bundle"] != bundle.hash and not await is_new(conn, bundle, stage_name, at):
        raise VersionChanged(f"{stage_name}: another version of the playbook came into force meanwhile; plan it again")


async def mode_of(conn: Connection, bundle: Bundle, stage: Stage) -> InFlight:
    """What becomes of members who are half-way: as who published it said, else as the stage does."""
    row = await (await conn.execute(queries.published)).fetchone()
    said = row["in_flight"] if row and row["bundle"] == bundle.hash else None
    return InFlight(said) if said else stage.in_flight


async def members(conn: Connection, stage_name: str, stage: Stage, at: datetime) -> int:
    """How many members are half-way, or were a little ago."""
    values = {"stage": stage_name, "began": at - lasts(stage), "at": at}
    row = await (await conn.execute(queries.members, values)).fetchone()
    return int(row["members"]) if row else 0


def edition_of(bundle: Bundle, stage_name: str) -> str:
    """Hash of all that the stage is in the bundle: its steps, their offers, its words."""
    stage = bundle.playbook.stage(stage_name)
    offers = {step.offer for step in _every(stage) if step.offer}
    content = {
        "stage": stage.model_dump(mode="json", include=_TIMED),
        "offers": {
            key: offer.model_dump(mode="json") for key, offer in bundle.playbook.offers.items() if key in offers
        },
        "copy": {
            f"{locale}/{name}": text
            for locale, files in bundle.copy.items()
            for name, text in files.items()
            if name.startswith(f"{stage_name}/")
        },
    }
    return sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def lasts(stage: Stage) -> timedelta:
    """From the first of its steps to the end of the last."""
    starts = [timedelta(days=step.day) + (step.after or timedelta()) for step in _every(stage)]
    return max(starts) - min(starts) + max(step.expires_after for step in stage.steps) + timedelta(days=1)


def changed(former: Bundle, bundle: Bundle, stage_name: str) -> list[str]:
    """Steps of both that are planned otherwise: for others, at another time, with another offer or goal."""
    before, after = (each.playbook.stage(stage_name) for each in (former, bundle))
    if (before.goal, before.plan_ahead) != (after.goal, after.plan_ahead):
        return sorted(step_names(before) & step_names(after))
    steps = {step.name: step for step in before.steps}
    return sorted(
        step.name
        for step in after.steps
        if step.name in steps and _planned(former, steps[step.name]) != _planned(bundle, step)
    )


def step_names(stage: Stage) -> set[str]:
    """The names of its steps."""
    return {step.name for step in stage.steps}


async def rows_of(conn: Connection, stage_name: str, at: datetime) -> list[dict[str, Any]]:
    """The versions that the stage was planned by and that matter still, the present one first."""
    return await (await conn.execute(queries.versions, {"stage": stage_name, "at": at})).fetchall()


async def stored(conn: Connection, bundle_hash: str) -> Bundle | None:
    """The bundle of that hash; None where there is none that this version of the program can read."""
    with suppress(PlaybookError):
        return await Bundles().get(conn, bundle_hash)
    return None


async def versions_of(conn: Connection, rows: Sequence[dict[str, Any]], at: datetime) -> list[Older]:
    """The versions that members go on by, the present one first; one that cannot be read is followed by nobody."""
    editions: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["edition"] and (row["until_at"] is None or row["until_at"] > at):
            editions.setdefault(row["edition"], []).append(row)
    return [
        Older(edition, bundle, [row["bundle"] for row in of], _came(of, at))
        for edition, of in editions.items()
        if (bundle := await stored(conn, of[0]["bundle"]))
    ]


def _planned(bundle: Bundle, step: Step) -> tuple[Any, ...]:
    offers = [bundle.playbook.offers.get(row.planned.offer or "") for row in step.rows()]
    return step.model_dump(exclude=WORDS_ONLY), offers


def _every(stage: Stage) -> Iterator[Step]:
    return (row.planned for step in stage.steps for row in step.rows())


async def _read(conn: Connection, rows: Sequence[dict[str, Any]], at: datetime) -> Versions:
    if not rows:
        return Versions()
    present = rows[0]["edition"]
    older = await versions_of(conn, [row for row in rows if row["edition"] != present], at)
    return Versions(tuple(older), _came([row for row in rows if row["edition"] == present], at))


def _came(rows: Sequence[dict[str, Any]], at: datetime) -> Added:
    return tuple((step, row["since_at"]) for row in rows if at < row["since_at"] + MARGIN for step in row["added"])
