"""Put a version of the SOP into force, or a former one again, with what that means for who is half-way."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.errors import PlaybookError
from community.outbox.bundles import Bundles, publish
from community.outreach.in_flight import edition_of, lasts, members, mode_of
from community.outreach.plan import change_over, one_planner, settings_of_planner
from community.outreach.statements import parameters, statement
from community.outreach.taking_over import Waiting, drop_stages, ended, waiting
from community.playbook_stages import InFlight

queries = load(__file__, "in_flight.sql")

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Change:
    """What a version changes for those who are half-way in a stage. By step: how many would newly get or lose it."""

    stage: str
    mode: InFlight | None
    """None: the version does not have the stage."""
    members: int
    """Who had a message of it in the time that the stage takes."""
    waiting: Waiting
    gains: dict[str, int] = field(default_factory=dict)
    loses: dict[str, int] = field(default_factory=dict)
    asks: bool = False
    """So many would be planned anew that the next run does it, and asks first."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What was put into force."""

    number: int
    bundle: str
    note: str


async def coming(
    conn: Connection, former: Bundle, bundle: Bundle, at: datetime, *, bot_id: int, mode: InFlight | None = None
) -> list[Change]:
    """What the bundle would change in the former one's stages, for who is half-way at `at`; nothing is written.

    `mode`: for all stages, whatever they say. Stages that stay as they are are not there.
    """
    both = [name for name in bundle.playbook.stages if name in former.playbook.stages]
    differ = [name for name in both if edition_of(former, name) != edition_of(bundle, name)]
    changes = [await _change(conn, former, bundle, name, at, bot_id, mode) for name in differ]
    dropped = await ended(conn, bundle, bot_id=bot_id)
    gone = sorted(former.playbook.stages.keys() - bundle.playbook.stages.keys())
    return changes + [await _end(conn, former, name, at, dropped.get(name, 0)) for name in gone]


async def put_into_force(
    conn: Connection,
    bundle: Bundle,
    note: str,
    at: datetime,
    *,
    bot_id: int,
    mode: InFlight | None = None,
    returns_to: int | None = None,
) -> None:
    """Publish the bundle, and let it take over in its stages at once; a planner at work is waited for.

    Should that be cut short, the next plan of each stage does it.
    """
    async with transaction(conn):  # together: by the publication the halt of a stage that is no more ends
        await one_planner(conn, bot_id)
        await drop_stages(conn, bundle, at, bot_id=bot_id)
        await publish(conn, bundle, note, in_flight=mode, returns_to=returns_to)
    for name in bundle.playbook.stages:
        await change_over(conn, bundle, name, at, bot_id=bot_id)


async def former_version(conn: Connection, number: int | None) -> tuple[Publication, Bundle]:
    """The publication of that number, or the last one of another bundle than is in force. Raises PlaybookError."""
    rows = await (await conn.execute(queries.publications)).fetchall()
    others = [row for row in rows if row["bundle"] != rows[0]["bundle"] and number in (None, row["id"])]
    if not others:
        wanted = f"version {number}: not there, or in force" if number else "nothing else was ever in force"
        raise PlaybookError(f"{wanted}; `sop versions` lists them")
    row = others[0]
    return Publication(row["id"], row["bundle"], row["note"]), await Bundles().get(conn, row["bundle"])


async def _change(
    conn: Connection, former: Bundle, bundle: Bundle, name: str, at: datetime, bot_id: int, mode: InFlight | None
) -> Change:
    stage = bundle.playbook.stage(name)
    mode = mode or await mode_of(conn, bundle, stage)
    people = await members(conn, name, former.playbook.stage(name), at)
    waits = await waiting(conn, bundle, name, at, bot_id=bot_id)
    if mode is InFlight.stay:
        return Change(name, mode, people, Waiting(kept=waits.kept + waits.reworded + waits.anew + waits.dropped))
    before, after = await _ahead(conn, former, name, at), await _ahead(conn, bundle, name, at)
    gains = {step: number for step, number in after.items() if step not in before}
    loses = {step: number for step, number in before.items() if step not in after}
    return Change(name, mode, people, waits, gains, loses, waits.anew > bundle.playbook.most_unasked(name))


async def _end(conn: Connection, former: Bundle, name: str, at: datetime, dropped: int) -> Change:
    people = await members(conn, name, former.playbook.stage(name), at)
    return Change(name, None, people, Waiting(dropped=dropped), loses=await _ahead(conn, former, name, at))


async def _ahead(conn: Connection, bundle: Bundle, name: str, at: datetime) -> dict[str, int]:
    """Step → how many of those who are half-way it is still to come for, if nothing else happens."""
    stage = bundle.playbook.stage(name)
    values: dict[str, Any] = parameters(bundle.playbook, name, stage.steps, at, None)
    late = [False] * len(values["step"])
    looks = [at + stage.horizon + n * WEEK for n in range(1, lasts(stage) // WEEK + 2)]
    values |= {"skip_late": late, "collapse": late, "looks": looks, "due_by": looks[-1]}
    async with transaction(conn):
        await settings_of_planner(conn, everyone=True)
        rows = await (await conn.execute(statement("ahead", values), values)).fetchall()
    return {row["step"]: row["members"] for row in rows}
