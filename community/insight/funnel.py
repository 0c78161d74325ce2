"""The entry funnel in seven steps (SOP 5.3): from who saw an advertisement to who spoke in the right group."""

from dataclasses import dataclass
from enum import StrEnum
from typing import LiteralString

from community.database.pool import Connection
from community.database.queries import load
from community.insight.definitions import parameters
from community.insight.listed import Listed
from community.insight.windows import Window
from community.playbook import Playbook

queries = load(__file__, "funnel.sql")


class Step(StrEnum):
    """The steps, in their order."""

    impressions = "impressions"
    """The target group was shown an advertisement."""
    ad_clicks = "ad_clicks"
    """Clicked it where it ran."""
    link_clicks = "link_clicks"
    """Opened our entry link, which leads to Telegram."""
    started = "started"
    """Pressed Start or asked to join: first seen, and answered."""
    passed = "passed"
    """Was admitted."""
    in_group = "in_group"
    """Came into the group that the link names, or any if it names none."""
    first_say = "first_say"
    """Spoke in a group."""


@dataclass(frozen=True, slots=True)
class Funnel:
    """How many took each step in a window; None: it is not known. `source` empty: all together."""

    source: str
    steps: dict[Step, int | None]

    def share(self, step: Step) -> float | None:
        """How many took the step, of those who took the last one before it that is known; None: nobody can say.

        Nor where more took it than the one before: some came another way, that is not counted.
        """
        number, base = self.steps[step], self.base(step)
        return number / base if number is not None and base and number <= base else None

    def base(self, step: Step) -> int | None:
        """How many took the last step before it that is known; None: none is."""
        before = [self.steps[each] for each in Step][: list(Step).index(step)]
        return next((number for number in reversed(before) if number is not None), None)


async def funnel(conn: Connection, playbook: Playbook, asked: Window) -> list[Funnel]:
    """The funnel of all together, then of each source, the one that brought most first.

    What advertising reached is known from lists of what it cost; clicks where links lead over a public address.
    """
    rows = await (await conn.execute(_text("funnel"), parameters(playbook, asked))).fetchall()
    return [Funnel(row["source"], {step: row[step] for step in Step}) for row in rows]


def rows_of_step(playbook: Playbook, asked: Window, step: Step, source: str = "") -> Listed:
    """Who took a step in the window, or what says so; of one source, or all."""
    return Listed(_rows(step), {**parameters(playbook, asked), "source": source})


def _rows(step: Step) -> LiteralString:
    match step:
        case Step.impressions:
            return _text("rows_of_ads", number="impressions")
        case Step.ad_clicks:
            return _text("rows_of_ads", number="clicks")
        case Step.link_clicks:
            return _text("rows_of_links")
        case _:
            return _text("rows_of_members", step=step.value)


def _text(name: str, **fragments: str) -> LiteralString:
    shared = {"advertised": queries.advertised, "clicked": queries.clicked, "came": queries.came}
    return queries.fill(name, **shared, **fragments)
