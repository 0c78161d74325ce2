"""What each version of the SOP has done, and whether the newest one should be taken back (SOP 4.7, 6.5)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from typing import LiteralString

from community.database.pool import Connection, transaction
from community.database.queries import load
from community.insight.definitions import parameters, rows_of
from community.insight.holdouts import queries as holdouts
from community.insight.intervals import alike
from community.insight.statistics import Interval, Part, half_width
from community.insight.values import SMALL
from community.insight.windows import Window, day_of
from community.playbook import Playbook

queries = load(__file__, "versions.sql")

ENGAGED, CLICKS, BLOCKS, PURCHASES = "engaged_24h", "click_through", "block_rate", "purchase"
MEASURES = (ENGAGED, CLICKS, BLOCKS, PURCHASES)
LISTED = 20
"""Publications that are looked at, the newest first."""
LEAST = 200
"""A version that fewer members had a step of is not held against another."""
LEVEL = 0.01
"""Chance of ever proposing to take back a version that is as good as the one before, of a measure."""
EFFECTS = {ENGAGED: 0.05, BLOCKS: 0.01}
"""Measures that decide, and the size of a change that the interval is narrowest for."""
DAYS = 90

Steps = Mapping[tuple[str, str], Part]
"""Stage and step → its messages."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A share of a version's messages; `change`: less that of the version before, of steps that both have."""

    name: str
    part: Part
    change: Interval | None

    @property
    def small(self) -> bool:
        """Whether it is of very few."""
        return self.part.people < SMALL


@dataclass(frozen=True, slots=True)
class Version:
    """A publication and what its messages did."""

    number: int
    bundle: str
    note: str
    published_at: datetime
    returns_to: int | None
    accepted: int
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class Worse:
    """The version in force does worse than the one before, and not by chance."""

    version: int
    before: int
    measure: str
    was: Part
    now: Part
    change: Interval


async def versions(conn: Connection, playbook: Playbook, at: datetime, days: int = DAYS) -> list[Version]:
    """The last publications, the newest first, with what their messages of the last days did, as of `at`."""
    published = await (await conn.execute(queries.publications, {"limit": LISTED})).fetchall()
    accepted = await _effect(conn, playbook, at, days, rows_of("accepted"))
    found = {name: await _effect(conn, playbook, at, days, _rows(name)) for name in MEASURES}
    shown = []
    for place, row in enumerate(published):
        former = (p["id"] for p in published[place + 1 :] if p["id"] in accepted and p["bundle"] != row["bundle"])
        before = next(former, 0)
        measures = tuple(_measure(name, found[name].get(row["id"], {}), found[name].get(before, {})) for name in found)
        total = sum(part.people for part in accepted.get(row["id"], {}).values())
        about = {name: row[name] for name in ("bundle", "note", "published_at", "returns_to")}
        shown.append(Version(row["id"], **about, accepted=total, measures=measures))
    return shown


async def proposed_rollback(conn: Connection, playbook: Playbook, at: datetime) -> list[Worse]:
    """By which measures the version in force does worse than the one before; nothing for one that is a rollback.

    As often as one likes: the intervals hold for all looks together.
    """
    published = await (await conn.execute(queries.publications, {"limit": LISTED})).fetchall()
    if not published or published[0]["returns_to"] is not None:
        return []
    found = {name: await _effect(conn, playbook, at, DAYS, _rows(name)) for name in EFFECTS}
    newest = published[0]
    former = (p["id"] for p in published[1:] if p["id"] in found[ENGAGED] and p["bundle"] != newest["bundle"])
    before = next(former, None)
    judged = [_judged(name, newest["id"], before, found[name]) for name in EFFECTS] if before else []
    return [each for each in judged if each]


def _judged(name: str, version: int, before: int, found: Mapping[int, Steps]) -> Worse | None:
    was, now = found.get(before, {}), found.get(version, {})
    both = [(was[step], now[step]) for step in was.keys() & now.keys()]
    base, other = _sum(pair[0] for pair in both), _sum(pair[1] for pair in both)
    difference = alike(both)
    # Messages to the same member are alike: at the least as many members as had the step that most had.
    members = [max((pair[side].people for pair in both), default=0) for side in (0, 1)]
    if difference is None or min(members) < LEAST:
        return None
    alike_in_member = max(base.people / members[0], other.people / members[1])
    half = half_width(difference.error * sqrt(alike_in_member), LEVEL, EFFECTS[name])
    change = Interval(difference.middle - half, difference.middle, difference.middle + half)
    worse = change.low > 0 if name == BLOCKS else change.high < 0
    return Worse(version, before, name, base, other, change) if worse else None


def _measure(name: str, now: Steps, was: Steps) -> Measure:
    difference = alike((was[step], now[step]) for step in was.keys() & now.keys())
    return Measure(name, _sum(now.values()), difference.interval() if difference else None)


def _sum(parts: Iterable[Part]) -> Part:
    parts = list(parts)
    return Part(sum(part.people for part in parts), sum(part.hits for part in parts))


def _rows(name: str) -> LiteralString:
    return queries.purchase if name == PURCHASES else rows_of(name)


async def _effect(
    conn: Connection, playbook: Playbook, at: datetime, days: int, rows: LiteralString
) -> dict[int, dict[tuple[str, str], Part]]:
    zone = playbook.community.zone
    today = day_of(at, zone)
    asked = Window(None, today - timedelta(days=days - 1), today + timedelta(days=1), zone)
    text = queries.fill("effect", rows=rows, published=queries.published)
    found: dict[int, dict[tuple[str, str], Part]] = defaultdict(dict)
    async with transaction(conn):
        await conn.execute(holdouts.settings)
        effects = await (await conn.execute(text, parameters(playbook, asked, at) | {"until": at})).fetchall()
    for row in effects:
        found[row["version"]][row["stage"], row["step"]] = Part(row["people"], row["hits"])
    return found
