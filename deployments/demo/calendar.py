"""The calendar of the demonstration: weekly live sessions with an offer, memberships that end, and who buys what."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from community.access.grant import grant
from community.access.opening import grant_for_coupon
from community.database.pool import Connection
from community.database.queries import load
from community.live.ladder import STAGE, rungs
from community.live.models import Live
from community.live.requests import NewLive, Offered
from community.live.sessions import add
from community.playbook import Playbook

queries = load(__file__)

FIRST_LIVE = timedelta(days=2, hours=7, minutes=30)
"""From the demonstration's start: Wednesday, 17:30 in Shanghai."""
LENGTH, EVERY, ANNOUNCED = timedelta(minutes=90), timedelta(days=7), timedelta(days=2, hours=1)
TITLES = ("选品：从一千个里挑出十个", "物流：旺季之前先算这三笔账", "合规：第一次查验怎么过", "利润：退货率说了算")
OFFERED = Offered.model_validate({"plan": "pack", "price": "19 USD", "first_n": 10})
BROUGHT_IN = timedelta(days=24)
"""How long ago the memberships began that members bring with them: they end within a week."""
TRIALS, MEMBERSHIPS, RENEWALS, BUYERS = 0.2, 0.2, 0.3, 0.12
"""Chances: to be given a trial, to bring a membership, to renew it (a day), to buy (each quarter of a day)."""


@dataclass(slots=True)
class Calendar:
    """What staff do and members buy, beside what they say and press."""

    conn: Connection
    playbook: Playbook
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
                self.lives.append(await add(self.conn, self.playbook, new, start - timedelta(minutes=30)))

    def moments(self, since: datetime, until: datetime) -> list[datetime]:
        """When a rung of a live session comes due in between."""
        steps = self.playbook.stage(STAGE).steps
        found = {rung.at for live in self.lives for rung in rungs(steps, live)}
        return sorted(at for at in found if since < at < until)

    async def deal(self, at: datetime, *, morning: bool) -> None:
        """Trials, memberships brought in and renewed in the morning; what is bought in a live session's window."""
        if morning:
            await self._give(at)
            await self._renew(at)
        for row in await self._rows(queries.watchers, at=at):
            if self._chance(at, row["member_id"]) < BUYERS:
                code = row["coupon"]
                await grant_for_coupon(
                    self.conn, self.playbook, row["member_id"], row["plan"], code, at, source="staff", by="demo"
                )

    async def _give(self, at: datetime) -> None:
        for row in await self._rows(queries.newly_settled, at=at):
            chance = self._chance(at, row["member_id"])
            if chance < TRIALS:
                await grant(self.conn, self.playbook, row["member_id"], "trial_7", at, source="staff", by="demo")
            elif chance < TRIALS + MEMBERSHIPS:
                begun, who = at - BROUGHT_IN, row["member_id"]
                await grant(self.conn, self.playbook, who, "month", at, starts_at=begun, source="list", by="demo")

    async def _renew(self, at: datetime) -> None:
        price = self.playbook.plans["month"].price
        for row in await self._rows(queries.ending, at=at):
            if self._chance(at, row["member_id"]) < RENEWALS:
                await grant(
                    self.conn, self.playbook, row["member_id"], "month", at, paid=price, source="staff", by="demo"
                )

    def _chance(self, at: datetime, member_id: int) -> float:
        return random.Random(f"{self.seed}:{at.isoformat()}:{member_id}").random()  # noqa: S311  a seed, not secrecy

    async def _rows(self, query: Any, **values: object) -> Sequence[dict[str, Any]]:
        return await (await self.conn.execute(query, values)).fetchall()
