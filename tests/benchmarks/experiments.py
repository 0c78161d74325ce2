"""Row `experiments`: A/A tests with a look every day, lifts, and the shares that planning draws."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import numpy as np

from community.bundle import Bundle, load_bundle
from community.database.installation import claim
from community.database.pool import Connection, connect
from community.insight.judging import UNBALANCED, Counted, Definition, Verdict, judge
from community.insight.statistics import mismatch
from community.outbox.bundles import publish
from community.outreach.plan import plan, preview
from tests.benchmarks.harness import BOT_ID, NOON, ROOT, Row, database

STAGE, KEY = "welcome_drip", "bench"
TESTS, DAYS = 2_000, 60
LEVEL = 0.05
DRAWN = 20_000
"""Members whom planning draws a variant for."""
Numbers = dict[str, float | int | str]


@dataclass(frozen=True)
class World:
    """One kind of experiment: what share does it with the first variant, how much more with the others."""

    share: float
    lift: float
    a_day: int
    effect: float
    variants: int = 2

    @property
    def definition(self) -> Definition:
        """As it would be stored."""
        variants = tuple({"name": f"v{n}", "share": 1 / self.variants} for n in range(self.variants))
        return Definition("engaged", timedelta(days=1), self.effect, LEVEL, 0.02, variants)


SAME = (
    World(0.30, 0, 100, 0.05),
    World(0.30, 0, 1000, 0.02),
    World(0.05, 0, 200, 0.02),
    World(0.01, 0, 1000, 0.01),
    World(0.90, 0, 100, 0.05),
    World(0.30, 0, 150, 0.05, variants=3),
)
LIFTED = (
    World(0.30, 0.05, 150, 0.05),
    World(0.05, 0.02, 250, 0.02),
    World(0.30, -0.05, 150, 0.05),
    World(0.01, 0.01, 250, 0.01),
)


async def run() -> Row:
    """Row `experiments`: the worst world counts."""
    draws = np.random.default_rng(20260304)
    wrong = [_wrong(world, draws) for world in SAME]
    found = [_recovered(world, draws) for world in LIFTED]
    covered, seen = zip(*found, strict=True)
    with database() as url:
        async with await connect(url) as conn:
            drawn = await _drawn(conn)
    passed = max(wrong) <= LEVEL and min(covered) >= 1 - LEVEL and min(seen) >= 0.8
    passed = (
        passed and drawn["moved"] == 0 and drawn["twice"] == 0 and float(drawn["chance of the spread"]) >= UNBALANCED
    )
    figure = {"false": 100 * max(wrong), "covered": 100 * min(covered), "lifts seen": 100 * min(seen)}
    details = {f"A/A {_name(world)}": f"{100 * rate:.2f} %" for world, rate in zip(SAME, wrong, strict=True)}
    details |= {
        f"lift {_name(world)}": f"{100 * inside:.2f} % covered, {100 * told:.1f} % seen"
        for world, (inside, told) in zip(LIFTED, found, strict=True)
    }
    target = f"false ≤ {100 * LEVEL:g} %, covered ≥ {100 - 100 * LEVEL:g} %, seen ≥ 80 %; sticky, nobody twice"
    return Row("experiments", figure, "%", {}, max(wrong) / LEVEL, target, passed, {**details, **drawn})


def _name(world: World) -> str:
    more = f"{100 * world.lift:+g}" if world.lift else f"{world.variants} variants"
    return f"{100 * world.share:g} %, {more}, {world.a_day} a day"


def _wrong(world: World, draws: np.random.Generator) -> float:
    """Share of the tests in which some look names a winner, though all are the same."""
    return sum(any(_named(world, looks) for looks in _daily(world, draws)) for _ in range(TESTS)) / TESTS


def _named(world: World, counted: list[Counted]) -> bool:
    return judge(world.definition, counted, 14).verdict is Verdict.better


def _recovered(world: World, draws: np.random.Generator) -> tuple[float, float]:
    """Shares of the tests whose interval held the lift at every look, and in which the right winner was named."""
    covered = seen = 0
    for _ in range(TESTS // 2):
        inside, told = True, False
        for looks in _daily(world, draws):
            result = judge(world.definition, looks, 14)
            for each in result.comparisons:
                inside = inside and each.difference.low <= world.lift <= each.difference.high
            told = told or (result.verdict is Verdict.better and (result.winner == "v1") is (world.lift > 0))
        covered, seen = covered + inside, seen + told
    return covered / (TESTS // 2), seen / (TESTS // 2)


def _daily(world: World, draws: np.random.Generator) -> Iterator[list[Counted]]:
    """What each day's look counts. Nobody blocks or leaves."""
    shares = [each["share"] for each in world.definition.variants]
    people = draws.multinomial(world.a_day, shares, DAYS).cumsum(axis=0)
    rates = [world.share, *[world.share + world.lift] * (world.variants - 1)]
    new = np.diff(people, axis=0, prepend=0)
    hits = draws.binomial(new, rates).cumsum(axis=0)
    for day in range(DAYS):
        rows = zip(people[day].tolist(), hits[day].tolist(), strict=True)
        yield [Counted(f"v{n}", many, many, did, many, 0, many, 0, many) for n, (many, did) in enumerate(rows)]


async def _drawn(conn: Connection) -> Numbers:
    """Let planning draw for members who come on two days, and draw again for steps to come and another playbook."""
    await claim(conn, BOT_ID, "sandbox")
    first = _playbook("10:00", "11:00")
    await publish(conn, first, "an experiment")
    await conn.execute(
        "INSERT INTO members (telegram_id, first_name, dm, first_seen_at, entered_at)"
        " SELECT i, 'M', 'open', %(at)s, %(at)s FROM generate_series(1, %(many)s) AS i",
        {"at": NOON - timedelta(days=1), "many": DRAWN},
    )
    await conn.execute("ANALYZE members")
    looks = [_variants(await preview(conn, first, STAGE, NOON, limit=DRAWN))]
    swapped = _playbook("12:00", "10:00", salt="another")
    looks.append(_variants(await preview(conn, swapped, STAGE, NOON, limit=DRAWN)))
    await plan(conn, first, STAGE, NOON - timedelta(hours=1, minutes=30), bot_id=BOT_ID)
    for bundle in (swapped, first):
        await publish(conn, bundle, "the other order")
        await plan(conn, bundle, STAGE, NOON + timedelta(minutes=1), bot_id=BOT_ID)
    rows = await (await conn.execute("SELECT member_id, variant FROM messages WHERE stage = %s", [STAGE])).fetchall()
    looks.append(_variants(rows))
    people = [list(looks[0].values()).count(f"{KEY}:{name}") for name in ("v0", "v1")]
    return {
        "drawn by planning": f"{people[0]:,} and {people[1]:,} of {DRAWN:,}",
        "chance of the spread": f"{mismatch(people, (0.5, 0.5)):.3f}",
        "moved": sum(one[who] != other[who] for one, other in pairwise(looks) for who in one),
        "twice": len(rows) - len(looks[-1]),
    }


def _variants(rows: list[dict[str, object]]) -> dict[object, object]:
    return {row["member_id"]: row["variant"] for row in rows}


def _playbook(first: str, second: str, salt: str = "bench") -> Bundle:
    shipped = load_bundle(ROOT / "templates")
    slots = [{"name": f"v{n}", "share": "50%", "at": at} for n, at in enumerate((first, second))]
    step = {"name": "day_1", "day": 1, "at": "10:00", "expires_after": "20h", "promotional": True}
    step["experiment"] = {"key": KEY, "effect": "5%", "variants": slots}
    stages = {STAGE: {**shipped.source["stages"][STAGE], "steps": [step]}}
    holdout = {"global": 0, "salt": salt}
    return Bundle({**shipped.source, "stages": stages, "holdout": holdout}, shipped.copy)
