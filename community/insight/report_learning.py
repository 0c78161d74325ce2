"""The section of the weekly report about what the SOP has taught: experiments, holdouts, versions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from community.insight.experiments import OPEN, Experiment, experiments
from community.insight.figures import Cell, Column, Table
from community.insight.holdouts import EVERYTHING, Comparison
from community.insight.learning import Learned, learned
from community.insight.statistics import Interval
from community.insight.versions import Version

if TYPE_CHECKING:
    from community.insight.report_tables import Facts

MOST_ROWS = 20
MOST_VERSIONS = 5
BOUNDS = (Column("low", "points"), Column("difference", "points"), Column("high", "points"))


async def learning(facts: "Facts") -> list[Table]:
    """Experiments as they stand; holdouts and versions by the last look up to the day after the window."""
    asked = facts.asked
    known = [
        each
        for each in await experiments(facts.conn)
        if each.started_at < asked.until_at and (each.decided_at is None or each.decided_at >= asked.since_at)
    ]
    seen = await learned(facts.conn, asked.until)
    return [_experiments(known), *(_looked(seen) if seen else (Table("holdouts", [], []),))]


def _looked(seen: Learned) -> Iterator[Table]:
    yield _holdouts(seen)
    if any(_earned(seen)):
        yield Table("earned", [_STAGE, Column("each", "money"), Column("earned_low", "money"),
                               Column("earned", "money"), Column("earned_high", "money")],
                    [row for _, row in _earned(seen)], [currency for currency, _ in _earned(seen)])  # fmt: skip
    yield _versions(seen)
    if seen.worse:
        columns = [Column("measure", "part"), Column("version", "text"), Column("share_now", "share"),
                   Column("go_back_to", "text"), Column("share_was", "share"), *BOUNDS]  # fmt: skip
        rows: list[list[Cell]] = [
            [f"kpi:{w.measure}", str(w.version), w.now.share, str(w.before), w.was.share, *_bounds(w.change)]
            for w in seen.worse
        ]
        yield Table("rollback", columns, rows)
    yield Table("looked", [Column("looked_at", "moment"), Column("looked_days", "number")],
                [[seen.at.isoformat(), seen.days]])  # fmt: skip


# Experiments.


def _experiments(known: list[Experiment]) -> Table:
    """A row for each variant that is held against the first."""
    columns = [Column("experiment", "text"), Column("stands", "part"), Column("says", "part"),
               Column("against", "text"), *BOUNDS, Column("blocks_most", "points"), Column("leaves_most", "points"),
               Column("people", "number"), Column("needed", "number"), Column("power", "share")]  # fmt: skip
    rows = [row for each in known for row in _experiment(each)]
    return Table("experiments", columns, rows[:MOST_ROWS], more=max(0, len(rows) - MOST_ROWS))


def _experiment(of: Experiment) -> Iterator[list[Cell]]:
    result, first = of.result, of.definition.names[0]
    head: list[Cell] = [of.key, f"stands:{of.state}", f"verdict:{verdict(of)}"]
    if result is None:
        yield [*head, *[None] * 9]
        return
    tail: list[Cell] = [sum(each.people for each in result.counted), result.needed or None,
                        result.power if result.needed else None]  # fmt: skip
    for each in result.comparisons:
        guards = [guard.high if guard else None for guard in (each.blocks, each.leaves)]
        yield [*head, f"{each.variant} − {first}", *_bounds(each.difference), *guards, *tail]
    if not result.comparisons:
        yield [*head, None, None, None, None, None, None, *tail]


def verdict(of: Experiment) -> str:
    """The key of what the last look said; of what is over, of how it ended."""
    if of.state not in OPEN and of.winner:
        return "everybody"
    if of.result is None:
        return "not_looked"
    return "doubts" if of.result.doubts else str(of.result.verdict)


# Holdouts.

_STAGE = Column("stage", "part")


def _holdouts(seen: Learned) -> Table:
    columns = [_STAGE, Column("says", "part"), Column("held_out", "share"), Column("written_to", "number"),
               Column("bought_share", "share"), Column("held", "number"), Column("held_share", "share"), *BOUNDS,
               Column("people_missing", "number"), Column("purchases_missing", "number")]  # fmt: skip
    return Table("holdouts", columns, [_holdout(each) for each in seen.holdouts])


def _holdout(of: Comparison) -> list[Cell]:
    shares = [part.share if part.people else None for part in (of.treated, of.held)]
    bounds: list[Cell] = _bounds(of.lift) if of.enough else [None, None, None]
    return [
        stage_key(of), f"held:{held_says(of)}", of.holdout / 100,
        of.treated.people, shares[0], of.held.people, shares[1], *bounds,
        sum(of.missing_people) or None, of.missing_purchases or None,
    ]  # fmt: skip


def stage_key(of: Comparison) -> str:
    """Of the stage, or of everything."""
    return f"stage:{'everything' if of.stage == EVERYTHING else of.stage}"


def held_says(of: Comparison) -> str:
    """The key of what a comparison says."""
    if not of.holdout and not of.held.people:
        return "nobody"
    if not of.enough:
        return "not_enough"
    if not of.certain:
        return "no_difference"
    return "more" if of.lift.low > 0 else "fewer"


def _earned(seen: Learned) -> Iterator[tuple[str, list[Cell]]]:
    for of in seen.holdouts:
        for money in of.money if of.enough else ():
            if money.each and money.earned:
                yield money.currency, [stage_key(of), money.each.middle, *_bounds(money.earned)]


# Versions.


def _versions(seen: Learned) -> Table:
    """The last ones of which there are messages: each measure beside that of the version before."""
    columns = [Column("version", "text"), Column("note", "text"), Column("measure", "part"),
               Column("share_now", "share"), Column("people", "number"), *BOUNDS]  # fmt: skip
    told = [each for each in seen.versions if each.accepted]
    rows = [row for each in told[:MOST_VERSIONS] for row in _version(each)]
    small = [(at, 3) for at, few in enumerate(m.small for v in told[:MOST_VERSIONS] for m in v.measures) if few]
    return Table("versions", columns, rows, small=small, more=sum(len(v.measures) for v in told[MOST_VERSIONS:]))


def _version(of: Version) -> Iterator[list[Cell]]:
    for each in of.measures:
        bounds: list[Cell] = _bounds(each.change) if each.change else [None, None, None]
        share = each.part.share if each.part.people else None
        yield [str(of.number), of.note, f"kpi:{each.name}", share, each.part.people, *bounds]


def _bounds(of: Interval) -> list[Cell]:
    return [of.low, of.middle, of.high]
