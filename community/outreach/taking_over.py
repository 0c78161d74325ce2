"""A version of the SOP takes over in a stage: what becomes of the messages that wait, and of who is half-way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from community.bundle import Bundle
from community.database.pool import Connection
from community.database.queries import load
from community.outbox.halt import halts
from community.outreach.in_flight import (
    MARGIN,
    changed,
    edition_of,
    lasts,
    mode_of,
    rows_of,
    step_names,
    stored,
    versions_of,
)
from community.playbook_stages import InFlight, Stage, Step

queries = load(__file__, "in_flight.sql")

TICK = timedelta(microseconds=1)


@dataclass(slots=True)
class Waiting:
    """What becomes of messages that wait when a version takes over: how many."""

    kept: int = 0
    """Keep words and time."""
    reworded: int = 0
    anew: int = 0
    """Planned ahead, and now planned otherwise."""
    dropped: int = 0


async def take_over(conn: Connection, bundle: Bundle, stage_name: str, at: datetime, *, bot_id: int) -> list[int]:
    """From now on the stage is planned by the bundle, and by older ones for those who stay with them.

    In the caller's transaction, under the planner's lock. Returns whose messages were dropped, taken back or
    revived. They are to be planned anew in that transaction, as the next run may come too late for it.
    """
    rows = await rows_of(conn, stage_name, at) or await _begin(conn, bundle, stage_name, at)
    stage, before = bundle.playbook.stage(stage_name), await versions_of(conn, rows, at)
    values = {"stage": stage_name, "bundle": bundle.hash, "edition": edition_of(bundle, stage_name), "at": at}
    await conn.execute(queries.adopt, {**values, "added": _added(stage, [each.stage(stage_name) for each in before])})
    if await mode_of(conn, bundle, stage) is InFlight.stay:
        stages = [each.stage(stage_name) for each in before] or [stage]
        await conn.execute(queries.stay, {**values, "until": at + MARGIN + max(map(lasts, stages))})
        return await _revive(conn, stages, {**values, "bot_id": bot_id}) if rows and not rows[0]["edition"] else []
    await conn.execute(queries.migrate, values)
    return await _take_up(conn, await _fates(conn, bundle, stage_name, at, bot_id))


async def drop_stages(conn: Connection, bundle: Bundle, at: datetime, *, bot_id: int) -> None:
    """End the stages that the bundle does not have: what waits of them, and was not approved, is cancelled."""
    values = {"bot_id": bot_id, "stages": list(bundle.playbook.stages), "bundle": bundle.hash, "at": at}
    await conn.execute(queries.fill("lock", which=queries.ended), values)
    await conn.execute(queries.fill("drop_stages", ended=queries.ended), values)
    await conn.execute(queries.end_stages, values)


async def ended(conn: Connection, bundle: Bundle, *, bot_id: int) -> dict[str, int]:
    """Stage that the bundle does not have → how many messages `drop_stages` would cancel."""
    text = queries.fill("count_ended", ended=queries.ended)
    values = {"bot_id": bot_id, "stages": list(bundle.playbook.stages)}
    return {row["stage"]: row["messages"] for row in await (await conn.execute(text, values)).fetchall()}


async def waiting(conn: Connection, bundle: Bundle, stage_name: str, at: datetime, *, bot_id: int) -> Waiting:
    """What would become of the messages that wait if the bundle took over and all migrated; nothing is written."""
    text = queries.fill("count_waiting", waits=queries.waits, fate=queries.fate)
    rows = await (await conn.execute(text, await _fates(conn, bundle, stage_name, at, bot_id))).fetchall()
    return Waiting(**{row["fate"]: row["messages"] for row in rows})


async def _begin(conn: Connection, bundle: Bundle, stage_name: str, at: datetime) -> list[dict[str, Any]]:
    """Of a stage that was never taken over: what was in force before the bundle is the version that it follows."""
    row = await (await conn.execute(queries.published_before, {"bundle": bundle.hash})).fetchone()
    former = await stored(conn, row["bundle"]) if row else None
    if former is None or stage_name not in former.playbook.stages:
        return []
    values = {"stage": stage_name, "bundle": former.hash, "edition": edition_of(former, stage_name), "added": []}
    await conn.execute(queries.adopt, {**values, "at": at - TICK})
    return await rows_of(conn, stage_name, at)


def _added(stage: Stage, before: Sequence[Stage]) -> list[str]:
    """Steps that not every version in flight has: by some other name members may have had them."""
    had = set.intersection(*map(step_names, before)) if before else step_names(stage)
    return sorted(step_names(stage) - had)


async def _revive(conn: Connection, stages: Sequence[Stage], values: dict[str, Any]) -> list[int]:
    """The stage had ended: who stays with one of these versions goes on by it."""
    began = values["at"] - max(lasts(stage) + stage.horizon for stage in stages)
    steps = sorted(set.union(*map(step_names, stages)))
    rows = await (await conn.execute(queries.revive, {**values, "began": began, "steps": steps})).fetchall()
    return sorted({row["member_id"] for row in rows})


async def _take_up(conn: Connection, values: dict[str, Any]) -> list[int]:
    await conn.execute(queries.fill("lock", which=queries.waits), values)
    taken: set[int] = set()
    for name in ("drop", "take_back", "revive", "reword"):
        cursor = await conn.execute(queries.fill(name, waits=queries.waits, fate=queries.fate), values)
        taken |= {row["member_id"] for row in await cursor.fetchall()} if cursor.description else set()
    return sorted(taken)


async def _fates(conn: Connection, bundle: Bundle, stage_name: str, at: datetime, bot_id: int) -> dict[str, Any]:
    """The values by which the fate of each message that waits is told: it hangs on what its own version was.

    Versions in which the stage is the same are left out: a million messages stay untouched.
    """
    values = {"stage": stage_name, "bot_id": bot_id, "at": at}
    rows = await (await conn.execute(queries.waiting_bundles, values)).fetchall()
    former = {row["bundle"]: await stored(conn, row["bundle"]) for row in rows if row["bundle"] != bundle.hash}
    known = {key: each for key, each in former.items() if each and stage_name in each.playbook.stages}
    same = {key for key, each in known.items() if edition_of(each, stage_name) == edition_of(bundle, stage_name)}
    otherwise = [(key, step) for key, each in known.items() for step in changed(each, bundle, stage_name)]
    return {
        **values,
        **_of_steps(bundle, stage_name, at),
        "halted": await _halted(conn, bundle),
        "bundles": sorted(former.keys() - same),
        "changed_of": [key for key, _ in otherwise],
        "changed": [step for _, step in otherwise],
    }


async def _halted(conn: Connection, bundle: Bundle) -> list[str]:
    """What is halted once the bundle is in force; so far another may be, with other stages switched off."""
    off = [f"stage:{name}" for name, stage in bundle.playbook.stages.items() if not stage.enabled]
    return off + [str(row["scope"]) for row in await halts(conn) if row["source"] != "playbook"]


def _of_steps(bundle: Bundle, stage_name: str, at: datetime) -> dict[str, Any]:
    stage = bundle.playbook.stage(stage_name)
    return {
        "bundle": bundle.hash,
        "began": at - lasts(stage) - stage.horizon,
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
