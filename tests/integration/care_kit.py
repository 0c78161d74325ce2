"""Terms, activity and plans of the stage `member_care`, as its tests need them."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from community.access.calendar import plus_months
from community.bundle import Bundle
from community.database.pool import Connection
from community.outreach.plan import PlanResult, plan, preview
from tests.integration.conftest import BOT_ID
from tests.integration.rows import one

STAGE = "member_care"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MONTHS = {"month": 1, "quarter": 3, "year": 12}


def at(text: str, zone: str = "Asia/Shanghai") -> datetime:
    """A moment of that zone's wall clock."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


async def term(
    conn: Connection,
    member_id: int,
    starts_at: datetime,
    ends_at: datetime | None = None,
    *,
    plan: str = "month",
    for_life: bool = False,
    **columns: Any,
) -> int:
    """A term, paid unless it is a trial; as long as its plan unless it ends otherwise."""
    end = ends_at or (None if for_life else plus_months(starts_at, MONTHS[plan], "Asia/Shanghai"))
    values = {
        "member_id": member_id,
        "plan": plan,
        "line": "membership",
        "starts_at": starts_at,
        "ends_at": end,
        "counted_from_at": starts_at,
        "changed_at": starts_at,
        "source": "staff",
        "granted_by": "test",
        **columns,
    }
    names, places = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    made = await conn.execute(f"INSERT INTO terms ({names}) VALUES ({places}) RETURNING id", values)
    return int((await one(made))["id"])


async def terms_in_a_row(
    conn: Connection, member_id: int, starts_at: datetime, number: int, plan: str = "month"
) -> None:
    """So many paid terms, each from the end of the one before."""
    for turn in range(number):
        start = plus_months(starts_at, turn * MONTHS[plan], "Asia/Shanghai")
        await term(conn, member_id, start, plan=plan)


async def active(conn: Connection, member_id: int, when: datetime, kind: str = "message") -> None:
    """The member's last sign of that kind."""
    await conn.execute(
        "INSERT INTO milestones VALUES (%(id)s, %(kind)s, %(at)s, %(at)s)"
        " ON CONFLICT (member_id, kind) DO UPDATE SET last_at = excluded.last_at",
        {"id": member_id, "kind": kind, "at": when},
    )


async def care(conn: Connection, bundle: Bundle, when: datetime, **options: Any) -> PlanResult:
    """Plan the stage."""
    return await plan(conn, bundle, STAGE, when, bot_id=BOT_ID, **options)


async def named(conn: Connection, bundle: Bundle, when: datetime, step: str | None = None) -> list[dict[str, Any]]:
    """Whom the audience names for a step, or for all, with what the gates say."""
    rows = await preview(conn, bundle, STAGE, when)
    return [row for row in rows if step in (None, row["step"])]


async def who(conn: Connection, bundle: Bundle, when: datetime, step: str) -> list[tuple[int, str]]:
    """Member and occurrence of each whom the step would be sent to."""
    rows = await named(conn, bundle, when, step)
    return [(row["member_id"], row["occurrence"]) for row in rows if row["reason"] is None]


async def messages(conn: Connection, step: str | None = None) -> list[dict[str, Any]]:
    """The stage's messages, of a step or all, in order."""
    rows = await conn.execute("SELECT * FROM messages WHERE stage = %s ORDER BY id", [STAGE])
    return [row for row in await rows.fetchall() if step in (None, row["step"])]


async def tasks(conn: Connection, kind: str | None = None) -> list[dict[str, Any]]:
    """Tasks of staff, of a kind or all, in order."""
    rows = await conn.execute("SELECT * FROM follow_ups ORDER BY id")
    return [row for row in await rows.fetchall() if kind in (None, row["kind"])]
