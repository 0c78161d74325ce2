"""What came of a live session, and telling staff once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.live.closing import all_of
from community.live.ladder import RESULT_AFTER, STAGE
from community.live.models import Live
from community.moments import moment_text
from community.outbox.enqueue import Draft, enqueue
from community.outreach.report import outcome_of_occurrences
from community.playbook_stages import MessageClass, Stage
from community.playbook_types import Amount

queries = load(__file__)

TEMPLATE = "staff/live_result"
ARRIVED = ("sent", "uncertain")


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a session, as far as is known. `bought`: of those who registered or watched."""

    announced: int
    registered: int
    watched: int
    questions: int
    bought: int
    viewers_bought: int
    coupons: int
    revenue: tuple[Amount, ...]
    """At the live price, by currency; empty: nothing, or not known."""

    @property
    def conversion(self) -> float | None:
        """Percentage of the viewers who bought; None without viewers."""
        return 100 * self.viewers_bought / self.watched if self.watched else None


async def result(conn: Connection, stage: Stage | None, live: Live) -> Result:
    """What came of the session so far; `stage` as the playbook has it, which names the steps that announce."""
    values = {"id": live.id, "plan": live.plan, "since": live.created_at, "until": live.window_until_at}
    people = await (await conn.execute(queries.attended, values)).fetchone() or {}
    lines = await (await conn.execute(queries.redeemed, {"code": live.coupon})).fetchall()
    return Result(
        announced=await _announced(conn, stage, live),
        coupons=sum(line["coupons"] for line in lines),
        revenue=tuple(_revenue(lines)),
        **people,
    )


async def tell_results(conn: Connection, bundle: Bundle, at: datetime, *, bot_id: int, staff_chat: int | None) -> int:
    """Tell staff, once, what came of each session whose window closed an hour ago or longer; returns how many."""
    stage = bundle.playbook.stages.get(STAGE)
    async with transaction(conn):
        rows = await (await conn.execute(queries.to_tell, {"until": at - RESULT_AFTER})).fetchall()
        for live in (Live(**row) for row in rows):
            await conn.execute(queries.told, {"id": live.id, "at": at})
            if staff_chat is not None:
                draft = _draft(staff_chat, bundle, live, await result(conn, stage, live), at)
                await enqueue(conn, bot_id, bundle.hash, [draft], at)
    return len(rows)


async def _announced(conn: Connection, stage: Stage | None, live: Live) -> int:
    """How many were sent its announcement."""
    steps = [step.name for step in stage.steps if step.moment == "announce"] if stage else []
    span = live.created_at, live.window_until_at
    rows = await outcome_of_occurrences(conn, STAGE, all_of(live), *span)
    return sum(row["members"] for row in rows if row["step"] in steps and row["state"] in ARRIVED)


def _revenue(lines: Iterable[dict[str, Any]]) -> Iterable[Amount]:
    for line in lines:
        if line["currency"] and line["revenue_minor"]:
            yield Amount(minor=int(line["revenue_minor"]), currency=line["currency"])


def _draft(staff_chat: int, bundle: Bundle, live: Live, found: Result, at: datetime) -> Draft:
    community = bundle.playbook.community
    told = {
        "number": live.id,
        "title": live.title,
        "starts": moment_text(live.starts_at, community.zone, community.locale),
        "announced": found.announced,
        "registered": found.registered,
        "watched": found.watched,
        "questions": found.questions,
        "bought": found.bought,
        "conversion": None if found.conversion is None else f"{found.conversion:.1f}",
        "coupons": found.coupons,
        "revenue": [str(amount) for amount in found.revenue],
    }
    return Draft(
        chat_id=staff_chat,
        stage="staff",
        step="live_result",
        occurrence=f"live:{live.id}",
        message_class=MessageClass.support,
        due_at=at,
        template=TEMPLATE,
        context={"result": told},
    )
