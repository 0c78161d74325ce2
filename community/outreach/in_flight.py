"""Versions of the SOP in flight: by which one a member goes on who is half-way when another comes into force."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from community.bundle import Bundle
from community.database.pool import Connection
from community.database.queries import load
from community.errors import PlaybookError
from community.outbox.bundles import Bundles
from community.playbook_stages import InFlight, Stage, Step

queries = load(__file__, "in_flight.sql")

MARGIN = timedelta(days=60)
"""So much longer than its steps take may an occurrence go on: a live session's are counted from several moments."""
WORDS_ONLY = {"own_class", "promotional", "exempt"}
"""What of a step can change without changing who gets it and when."""
TICK = timedelta(microseconds=1)
_TIMED = {"message_class", "priority", "goal", "plan_ahead", "steps"}


@dataclass(frozen=True, slots=True)
class Older:
    """A version that members go on by. `bundles`: hashes of the same content, under any of which they began."""

    edition: str
    bundle: Bundle
    bundles: list[str]

    def stage(self, name: str) -> Stage:
        """The stage as it is in this version."""
        return self.bundle.playbook.stage(name)


@dataclass(frozen=True, slots=True)
class Versions:
    """What a stage is planned by: the present version for who did not begin by an older one that they stay with.

    `added`: steps that newer versions brought, and when they came.
    """

    older: tuple[Older, ...] = ()
    added: tuple[tuple[str, datetime], ...] = ()

    @property
    def values(self) -> dict[str, Any]:
        """What a statement of the present version needs to know; nothing, if nothing older is in flight."""
        values: dict[str, Any] = {}
        if self.older:
            values["older"] = [bundle for each in self.older for bundle in each.bundles]
        if self.added:
            values |= {"added": [step for step, _ in self.added], "added_at": [at for _, at in self.added]}
        return values


@dataclass(slots=True)
class Waiting:
    """What becomes of messages that wait when a version takes over: how many."""

    kept: int = 0
    """Keep words and time."""
    reworded: int = 0
    anew: int = 0
    """Planned ahead, and now planned otherwise."""
    dropped: int = 0


async def in_flight(conn: Connection, stage_name: str, at: datetime) -> Versions:
    """What is in flight of the stage at `at` (SOP time), as it was last planned."""
    return await _read(conn, await _rows(conn, stage_name, at), at)


async def is_new(conn: Connection, bundle: Bundle, stage_name: str, at: datetime) -> bool:
    """Whether the stage was planned by another version up to now.

    A process that has not seen the newest publication yet plans by the one it has, and changes nothing.
    """
    rows = await _rows(conn, stage_name, at)
    if rows and rows[0]["bundle"] != bundle.hash:
        newest = await (await conn.execute(queries.published)).fetchone()
        return newest is None or newest["bundle"] != rows[0]["bundle"]
    return not rows


async def take_over(conn: Connection, bundle: Bundle, stage_name: str, at: datetime, *, bot_id: int) -> list[int]:
    """From now on the stage is planned by the bundle, and by older ones for those who stay with them.

    In the caller's transaction, under the planner's lock. Returns whose messages were dropped or taken back. They are
    to be planned anew in that transaction, as the next run may come too late for it.
    """
    rows = await _rows(conn, stage_name, at) or await _begin(conn, bundle, stage_name, at)
    if rows and rows[0]["bundle"] == bundle.hash:
        return []
    stage, before = bundle.playbook.stage(stage_name), await _each(conn, rows, at)
    values = {"stage": stage_name, "bundle": bundle.hash, "edition": edition_of(bundle, stage_name), "at": at}
    await conn.execute(queries.adopt, {**values, "added": _added(stage, [each.stage(stage_name) for each in before])})
    if await mode_of(conn, bundle, stage) is InFlight.stay:
        last = max(lasts(each.stage(stage_name)) for each in before) if before else lasts(stage)
        await conn.execute(queries.stay, {**values, "until": at + MARGIN + last})
        return []
    await conn.execute(queries.migrate, values)
    return await _take_up(conn, await _fates(conn, bundle, stage_name, at, bot_id))


async def drop_stages(conn: Connection, bundle: Bundle, *, bot_id: int) -> None:
    """Cancel what waits of stages that the bundle does not have, and was not approved."""
    text = queries.fill("drop_stages", ended=queries.ended)
    await conn.execute(text, {"bot_id": bot_id, "stages": list(bundle.playbook.stages)})


async def ended(conn: Connection, bundle: Bundle, *, bot_id: int) -> dict[str, int]:
    """Stage that the bundle does not have → how many messages `drop_stages` would cancel."""
    text = queries.fill("count_ended", ended=queries.ended)
    values = {"bot_id": bot_id, "stages": list(bundle.playbook.stages)}
    return {row["stage"]: row["messages"] for row in await (await conn.execute(text, values)).fetchall()}


async def mode_of(conn: Connection, bundle: Bundle, stage: Stage) -> InFlight:
    """What becomes of members who are half-way: as who published it said, else as the stage does."""
    row = await (await conn.execute(queries.published)).fetchone()
    said = row["in_flight"] if row and row["bundle"] == bundle.hash else None
    return InFlight(said) if said else stage.in_flight


async def waiting(conn: Connection, bundle: Bundle, stage_name: str, at: datetime, *, bot_id: int) -> Waiting:
    """What would become of the messages that wait if the bundle took over and all migrated; nothing is written."""
    text = queries.fill("count_waiting", waits=queries.waits, fate=queries.fate)
    rows = await (await conn.execute(text, await _fates(conn, bundle, stage_name, at, bot_id))).fetchall()
    return Waiting(**{row["fate"]: row["messages"] for row in rows})


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
        return sorted(_names(before) & _names(after))
    steps = {step.name: step for step in before.steps}
    return sorted(
        step.name
        for step in after.steps
        if step.name in steps and _planned(former, steps[step.name]) != _planned(bundle, step)
    )


def _planned(bundle: Bundle, step: Step) -> tuple[Any, ...]:
    offers = [bundle.playbook.offers.get(row.planned.offer or "") for row in step.rows()]
    return step.model_dump(exclude=WORDS_ONLY), offers


def _every(stage: Stage) -> Iterator[Step]:
    return (row.planned for step in stage.steps for row in step.rows())


def _names(stage: Stage) -> set[str]:
    return {step.name for step in stage.steps}


async def _rows(conn: Connection, stage_name: str, at: datetime) -> list[dict[str, Any]]:
    return await (await conn.execute(queries.versions, {"stage": stage_name, "at": at})).fetchall()


async def _begin(conn: Connection, bundle: Bundle, stage_name: str, at: datetime) -> list[dict[str, Any]]:
    """Of a stage that was never taken over: what was in force before the bundle is the version that it follows."""
    row = await (await conn.execute(queries.published_before, {"bundle": bundle.hash})).fetchone()
    former = await _stored(conn, row["bundle"]) if row else None
    if former is None or stage_name not in former.playbook.stages:
        return []
    values = {"stage": stage_name, "bundle": former.hash, "edition": edition_of(former, stage_name), "added": []}
    await conn.execute(queries.adopt, {**values, "at": at - TICK})
    return await _rows(conn, stage_name, at)


def _added(stage: Stage, before: Sequence[Stage]) -> list[str]:
    """Steps that not every version in flight has: by some other name members may have had them."""
    had = set.intersection(*map(_names, before)) if before else _names(stage)
    return sorted(_names(stage) - had)


async def _stored(conn: Connection, bundle_hash: str) -> Bundle | None:
    with suppress(PlaybookError):  # not stored, or not readable any more: nothing can follow it
        return await Bundles().get(conn, bundle_hash)
    return None


async def _read(conn: Connection, rows: Sequence[dict[str, Any]], at: datetime) -> Versions:
    older = [each for each in await _each(conn, rows, at) if each.edition != rows[0]["edition"]]
    added = tuple((step, row["since_at"]) for row in rows if at < row["since_at"] + MARGIN for step in row["added"])
    return Versions(tuple(older), added)


async def _each(conn: Connection, rows: Sequence[dict[str, Any]], at: datetime) -> list[Older]:
    """The versions that members go on by, the present one first, each with every name it goes by."""
    editions: dict[str, list[str]] = {}
    for row in rows:
        if row["until_at"] is None or row["until_at"] > at:
            editions.setdefault(row["edition"], []).append(row["bundle"])
    found = [(edition, await _stored(conn, bundles[0]), bundles) for edition, bundles in editions.items()]
    return [Older(edition, bundle, bundles) for edition, bundle, bundles in found if bundle]


async def _take_up(conn: Connection, values: dict[str, Any]) -> list[int]:
    taken: set[int] = set()
    for name in ("drop", "take_back", "reword"):
        cursor = await conn.execute(queries.fill(name, waits=queries.waits, fate=queries.fate), values)
        taken |= {row["member_id"] for row in await cursor.fetchall()} if cursor.description else set()
    return sorted(taken)


async def _fates(conn: Connection, bundle: Bundle, stage_name: str, at: datetime, bot_id: int) -> dict[str, Any]:
    """The values by which the fate of each message that waits is told: it hangs on what its own version was.

    Versions in which the stage is the same are left out: a million messages stay untouched.
    """
    values = {"stage": stage_name, "bot_id": bot_id, "at": at}
    rows = await (await conn.execute(queries.waiting_bundles, values)).fetchall()
    former = {row["bundle"]: await _stored(conn, row["bundle"]) for row in rows if row["bundle"] != bundle.hash}
    known = {key: each for key, each in former.items() if each and stage_name in each.playbook.stages}
    same = {key for key, each in known.items() if edition_of(each, stage_name) == edition_of(bundle, stage_name)}
    otherwise = [(key, step) for key, each in known.items() for step in changed(each, bundle, stage_name)]
    return {
        **values,
        **_of_steps(bundle, stage_name),
        "bundles": sorted(former.keys() - same),
        "changed_of": [key for key, _ in otherwise],
        "changed": [step for _, step in otherwise],
    }


def _of_steps(bundle: Bundle, stage_name: str) -> dict[str, Any]:
    stage = bundle.playbook.stage(stage_name)
    return {
        "bundle": bundle.hash,
        "steps": [step.name for step in stage.steps],
        "lanes": [stage.lane(step) for step in stage.steps],
        "promotional": [step.promotional for step in stage.steps],
        "exempt": [step.exempt for step in stage.steps],
        "prefixes": [_prefixes(bundle, step) for step in stage.steps],
        "templates": sorted(bundle.copy.get(bundle.playbook.community.locale, {})),
    }


def _prefixes(bundle: Bundle, step: Step) -> str | None:
    """With what the coupons begin that the step brings, by variant (`-`: none with this one); None: it brings none."""
    offers = [bundle.playbook.offers.get(row.planned.offer or "") for row in step.rows()]
    return ",".join(offer.prefix if offer else "-" for offer in offers) if any(offers) else None
