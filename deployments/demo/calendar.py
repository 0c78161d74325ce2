"""The calendar of the demonstration: weekly live sessions with an offer, trials, and memberships that end."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from community.access.grant import grant
from community.access.ways import send_ways
from community.bundle import Bundle
from community.database.pool import Connection
from community.database.queries import load
from community.live.ladder import STAGE, rungs
from community.live.models import Live
from community.live.requests import NewLive, Offered
from community.live.sessions import add

queries = load(__file__)

FIRST_LIVE = timedelta(days=2, hours=7, minutes=15)
"""From the demonstration's start: Wednesday, 17:15 in Shanghai. No rung of it falls on a moment at which a slot begins
or people come, as those have no runs of their own then."""
LENGTH, EVERY, ANNOUNCED = timedelta(minutes=90), timedelta(days=7), timedelta(days=2, hours=1)
TITLES = ("选品：从一千个里挑出十个", "物流：旺季之前先算这三笔账", "合规：第一次查验怎么过", "利润：退货率说了算")
OFFERED = Offered.model_validate({"plan": "pack", "price": "19 USD", "first_n": 10})
BROUGHT_IN = timedelta(days=24)
"""How long ago the memberships began that members bring with them: they end within a week."""
TRIALS, MEMBERSHIPS = 0.2, 0.2
"""Chances: to be given a trial, to bring a membership."""


@dataclass(slots=True)
class Calendar:
    """What staff do, beside what members say, press and buy."""

    conn: Connection
    bundle: Bundle
    bot_id: int
    seed: int
    lives: list[Live] = field(default_factory=list)

    async def announce(self, start: datetime, days: int) -> None:
        """Add a live session for every week that is long enough."""
        for week in range(days // 7 + 1):
            begins = start + FIRST_LIVE + week * EVERY
            if begins + LENGTH < start + timedelta(days=days):
                new = NewLive(
                    title=TITLES[week % len(TITLES)],
                    speaker="",
                    url="https://live.example/room",
                    starts_at=begins,
                    ends_at=begins + LENGTH,
                    announce_at=begins - ANNOUNCED,
                    offered=OFFERED,
                )
                self.lives.append(await add(self.conn, self.bundle.playbook, new, start - timedelta(minutes=30)))

    def moments(self, since: datetime, until: datetime) -> list[datetime]:
        """When a rung of a live session comes due in between."""
        steps = self.bundle.playbook.stage(STAGE).steps
        found = {rung.at for live in self.lives for rung in rungs(steps, live)}
        return sorted(at for at in found if since < at < until)

    async def give(self, at: datetime) -> None:
        """Trials for some who came two days ago, and for others what they have brought in; with their way in."""
        for row in await self._rows(queries.newly_settled, at=at):
            chance, who = self._chance(at, row["member_id"]), row["member_id"]
            if chance < TRIALS:
                await self._grant(who, "trial_7", at, at, "staff")
            elif chance < TRIALS + MEMBERSHIPS:
                await self._grant(who, "month", at, at - BROUGHT_IN, "list")

    async def _grant(self, who: int, plan: str, at: datetime, begun: datetime, source: str) -> None:
        playbook = self.bundle.playbook
        term = await grant(self.conn, playbook, who, plan, at, starts_at=begun, source=source, by="demo")
        cause = f"term:{term.id}"
        await send_ways(self.conn, self.bundle, who, plan, at, bot_id=self.bot_id, cause=cause)

    def _chance(self, at: datetime, member_id: int) -> float:
        return random.Random(f"{self.seed}:{at.isoformat()}:{member_id}").random()  # noqa: S311  a seed, not secrecy

    async def _rows(self, query: Any, **values: object) -> Sequence[dict[str, Any]]:
        return await (await self.conn.execute(query, values)).fetchall()
