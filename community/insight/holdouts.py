"""What the stages earned: members who were meant to be written to, beside those held out for comparison (SOP 6.4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from community.database.pool import Connection, transaction
from community.database.queries import load
from community.insight.intervals import Sample, newcombe, welch
from community.insight.statistics import Interval, Part
from community.insight.windows import Window
from community.playbook import Playbook

queries = load(__file__, "holdouts.sql")

EVERYTHING = ""
"""The stage of the comparison with who is held out of all of them."""
PEOPLE = 100
"""Fewer members whose time is over, on either side, are not enough."""
PURCHASES = 10
"""Fewer purchases, both sides together, are not enough."""


@dataclass(frozen=True, slots=True)
class Money:
    """What members paid less what went back, a member, in a currency's smallest unit.

    `each`: how much more it was of those written to; None: of too few to say.
    """

    currency: str
    treated: Sample
    held: Sample
    each: Interval | None

    @property
    def earned(self) -> Interval | None:
        """That, of all who were written to: what the stage earned."""
        return Interval(*(bound * self.treated.number for bound in self.each)) if self.each else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A stage, or everything: those it meant to write to, and those held out, each counted when their time is over."""

    stage: str
    holdout: float
    """The percentage that the playbook holds out now."""
    treated: Part
    held: Part
    waiting: int
    """Whose time is not over."""
    lift: Interval
    """By how much the share of those who purchased is higher where they were written to."""
    money: tuple[Money, ...]

    @property
    def missing_people(self) -> tuple[int, int]:
        """How many more there must be: written to, held out."""
        return max(0, PEOPLE - self.treated.people), max(0, PEOPLE - self.held.people)

    @property
    def missing_purchases(self) -> int:
        """How many more purchases there must be."""
        return max(0, PURCHASES - self.treated.hits - self.held.hits)

    @property
    def enough(self) -> bool:
        """Whether there is enough to say anything."""
        return not any(self.missing_people) and not self.missing_purchases

    @property
    def certain(self) -> bool:
        """Whether there is enough, and a difference that chance does not explain."""
        return self.enough and (self.lift.low > 0 or self.lift.high < 0)


async def comparisons(conn: Connection, playbook: Playbook, asked: Window, now_at: datetime) -> list[Comparison]:
    """Everything first, then each stage in the playbook's order: of steps that were due in the window, as of `now_at`.

    What nobody was ever held out of is there as well: then nobody is in it on either side.
    """
    values: dict[str, Any] = {
        "since": asked.since_at,
        "until": min(asked.until_at, now_at),
        "now": now_at,
        "within": playbook.holdout.within,
        "stages": list(playbook.stages),
    }
    text = queries.fill("compared", meant=queries.meant)
    async with transaction(conn):
        await conn.execute(queries.settings)
        rows = await (await conn.execute(text, values)).fetchall()
    return [
        _compared(stage, percent, [row for row in rows if row["stage"] == stage])
        for stage, percent in _held_out(playbook)
    ]


def _held_out(playbook: Playbook) -> list[tuple[str, float]]:
    stages = [(name, stage.holdout) for name, stage in playbook.stages.items()]
    return [(EVERYTHING, playbook.holdout.percent), *stages]


def _compared(stage: str, percent: float, rows: Sequence[dict[str, Any]]) -> Comparison:
    counts = {row["held"]: row for row in rows if row["currency"] is None}
    treated, held = (_part(counts.get(side)) for side in (False, True))
    sums = {(row["currency"], row["held"]): row for row in rows if row["currency"]}
    money = [
        _money(
            currency,
            _sample(treated.people, sums.get((currency, False))),
            _sample(held.people, sums.get((currency, True))),
        )
        for currency in sorted({currency for currency, _ in sums})
    ]
    waiting = sum(row["waiting"] for row in counts.values())
    return Comparison(stage, percent, treated, held, waiting, newcombe(held, treated), tuple(money))


def _money(currency: str, treated: Sample, held: Sample) -> Money:
    return Money(currency, treated, held, welch(held, treated))


def _part(row: dict[str, Any] | None) -> Part:
    return Part(row["people"], row["hits"]) if row else Part(0, 0)


def _sample(people: int, row: dict[str, Any] | None) -> Sample:
    """Who paid nothing is in it as nothing."""
    return Sample(people, row["total"], row["squares"]) if row else Sample(people, 0.0, 0.0)
