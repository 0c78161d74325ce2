"""Row `stages`: each stage planned over a million members, beside a bare INSERT … SELECT of the very rows it added.

1,000,000 members, 25,000 due in each stage, 28,000 more who fell silent in the two weeks before and have their
message; behind them 5,000,000 terms that ended long ago and 5,000,000 signs of life. Measured with a tenth of that
history, and with all of it: what is due is the same. The reference inserts the same messages, the coupons they bring
and the decisions on who gets nothing into the same tables with the same indexes, in turn with the plan, which is
shared by two connections as the flow's.
"""

import statistics
import time
from dataclasses import dataclass
from datetime import timedelta

from community.bundle import Bundle
from community.database.pool import Connection, connect
from community.outreach.plan import plan
from tests.benchmarks.harness import BOT_ID, NOON, Row, count, database, install

MEMBERS, DUE, WRITTEN = 1_000_000, 25_000, 28_000
HISTORY, TENTH = 5_000_000, 10
ROUNDS = 3
DAY = timedelta(days=1)
AS_OF = {
    "welcome_drip": NOON,
    "dormancy_reactivation": NOON,
    "renewal_reminders": NOON - DAY,  # what is due tomorrow is planned today
    "live_conversion": NOON,
    "member_care": NOON + DAY,  # the fifth of the month
}
"""Who is due: the first 25,000 members in the drip, the next in dormancy, the next in the other three."""
OWN = {
    "messages": "plan_id = {plan}",
    "decisions": "plan_id = {plan}",
    "coupons": "issued_at = '{at}'",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One stage: seconds of the plan and of the bare insert (medians), and the messages."""

    planned: float
    bare: float
    messages: int

    @property
    def ratio(self) -> float:
        """Plan over bare insert."""
        return self.planned / self.bare


async def run() -> Row:
    """Fill with a tenth of the history, measure, fill up, measure again."""
    with database() as url:
        bundle = await install(url, rate=None)
        async with await connect(url) as conn, await connect(url) as beside:
            await _members(conn)
            await _due(conn)
            await _history(conn, 0, HISTORY // TENTH)
            little = {stage: await _measure(conn, beside, bundle, stage) for stage in AS_OF}
            await _history(conn, HISTORY // TENTH, HISTORY)
            much = {stage: await _measure(conn, beside, bundle, stage) for stage in AS_OF}
    growth = max(much[stage].planned / little[stage].planned for stage in AS_OF)
    passed = all(found.ratio <= 2 for found in much.values()) and growth <= 1.5
    details: dict[str, float | int | str] = {
        stage: f"{found.messages:,} in {found.planned:.2f} s, bare {found.bare:.2f} s"
        f", with a tenth of the history {little[stage].planned:.2f} s"
        for stage, found in much.items()
    }
    figures = {stage: round(found.ratio, 2) for stage, found in much.items()}
    worst = max(found.ratio for found in much.values())
    reference = {f"bare {stage}, s": found.bare for stage, found in much.items()}
    target = "≤ 2 × bare each, no more with 10 × the history"
    details["most growth with the history"] = round(growth, 2)
    return Row("stages", figures, "× bare", reference, worst, target, passed, details)


async def _members(conn: Connection) -> None:
    """A million members of a group, the first 25,000 since yesterday, the others for long."""
    await conn.execute("INSERT INTO groups (chat_id, title, registered_at) VALUES (-1001, 'Club', %s)", [NOON])
    await conn.execute(
        "INSERT INTO members (telegram_id, first_name, dm, zone, home_group_id, first_seen_at, entered_at)"
        " SELECT 10000000 + i, 'Member ' || i, 'open', CASE WHEN i %% 20 = 4 THEN 'Asia/Tokyo' END, 1, e, e"
        " FROM generate_series(1, %(members)s) AS i, LATERAL (SELECT CASE WHEN i <= %(due)s"
        " THEN %(now)s::timestamptz - interval '26 hours' ELSE %(now)s - interval '900 days' END AS e) AS entered",
        {"members": MEMBERS, "due": DUE, "now": NOON},
    )
    await conn.execute(
        "INSERT INTO messages (bot_id, member_id, chat_id, lane, stage, step, occurrence, planned_at, due_at, state,"
        " sent_at) SELECT %(bot)s, id, telegram_id, 35, 'welcome_drip', 'welcome',"
        " to_char(entered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), entered_at, entered_at, 'sent', entered_at"
        " FROM members WHERE id <= %(due)s",
        {"bot": BOT_ID, "due": DUE},
    )


async def _due(conn: Connection) -> None:
    """What makes members due: silence of a week, a term that ends in three days, a live session in an hour."""
    values = {"bot": BOT_ID, "now": NOON, "due": DUE, "written": WRITTEN}
    await conn.execute(
        "INSERT INTO milestones (member_id, kind, first_at, last_at)"
        " SELECT id, 'message', entered_at, %(now)s - interval '7 days 3 hours' FROM members"
        " WHERE id BETWEEN %(due)s + 1 AND 2 * %(due)s",
        values,
    )
    await conn.execute(
        "WITH silent AS (INSERT INTO milestones (member_id, kind, first_at, last_at)"
        " SELECT id, 'message', entered_at, %(now)s - interval '8 days' - interval '1 day' * (id %% 14) FROM members"
        " WHERE id BETWEEN 4 * %(due)s + 1 AND 4 * %(due)s + %(written)s RETURNING member_id, last_at)"
        " INSERT INTO messages (bot_id, member_id, chat_id, lane, stage, step, occurrence, planned_at, due_at, state,"
        " sent_at) SELECT %(bot)s, member_id, member_id, 55, 'dormancy_reactivation', 'silent',"
        " 'silent:' || to_char(last_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), last_at, last_at, 'sent',"
        " last_at - interval '30 days' FROM silent",
        values,
    )
    await conn.execute(
        "INSERT INTO terms (member_id, plan, line, starts_at, ends_at, counted_from_at, changed_at, source, granted_by,"
        " paid_minor, currency) SELECT id, 'month', 'membership', s, s + interval '1 month', s, s, 'staff', 'bench',"
        " 19900, 'CNY' FROM members, LATERAL (SELECT %(now)s::timestamptz - interval '25 days' AS s) AS began"
        " WHERE id BETWEEN 2 * %(due)s + 1 AND 3 * %(due)s",
        values,
    )
    await conn.execute(
        "INSERT INTO lives (title, url, announce_at, starts_at, ends_at, window_until_at, created_at) VALUES"
        " ('Freight', 'https://live.example/', %(now)s - interval '6 days', %(now)s + interval '1 hour',"
        " %(now)s + interval '2 hours', %(now)s + interval '50 hours', %(now)s - interval '6 days')",
        values,
    )
    await conn.execute(
        "INSERT INTO live_attendances (live_id, member_id, registered_at, registered_by)"
        " SELECT 1, id, %(now)s - interval '5 days', 'button' FROM members"
        " WHERE id BETWEEN 2 * %(due)s + 1 AND 3 * %(due)s",
        values,
    )


async def _history(conn: Connection, first: int, until: int) -> None:
    """Terms that ended long ago, signs of life of yesterday and of long ago; of those who are not due."""
    values = {
        "now": NOON,
        "first": first,
        "until": until,
        "from": 4 * DUE + WRITTEN,
        "others": MEMBERS - 4 * DUE - WRITTEN,
    }
    await conn.execute(
        "INSERT INTO terms (member_id, plan, line, starts_at, ends_at, counted_from_at, changed_at, source, granted_by,"
        " paid_minor, currency)"
        " SELECT 1 + %(from)s + n %% %(others)s, 'month', 'membership', s, s + interval '1 month', s, s, 'staff',"
        " 'bench', 19900, 'CNY' FROM generate_series(%(first)s, %(until)s - 1) AS n,"
        " LATERAL ("
        "SELECT %(now)s::timestamptz - interval '100 days' - interval '31 days' * (n / %(others)s) AS s) AS began",
        values,
    )
    await conn.execute(
        "INSERT INTO milestones (member_id, kind, first_at, last_at)"
        " SELECT 1 + %(from)s + n %% %(others)s, (ARRAY['message', 'reaction', 'click', 'button', 'answer', 'start'])"
        "[1 + n / %(others)s], %(now)s::timestamptz - interval '800 days',"
        " %(now)s::timestamptz - CASE WHEN n %% 2 = 0 THEN interval '1 day' ELSE interval '200 days' END"
        " FROM generate_series(%(first)s, %(until)s - 1) AS n",
        values,
    )
    await conn.execute("VACUUM ANALYZE")


async def _measure(conn: Connection, beside: Connection, bundle: Bundle, stage: str) -> Measured:
    """Plan and insert in turn, a few times."""
    rounds = [await _round(conn, beside, bundle, stage) for _ in range(ROUNDS)]
    planned, bare, messages = zip(*rounds, strict=True)
    assert min(messages) == max(messages) >= DUE // 2, f"{stage}: {messages}"
    return Measured(statistics.median(planned), statistics.median(bare), messages[0])


async def _round(conn: Connection, beside: Connection, bundle: Bundle, stage: str) -> tuple[float, float, int]:
    as_of = AS_OF[stage]
    started = time.perf_counter()
    result = await plan(conn, bundle, stage, as_of, bot_id=BOT_ID, beside=[beside])
    planned = time.perf_counter() - started
    own = {table: where.format(plan=result.plan_id, at=as_of.isoformat()) for table, where in OWN.items()}
    columns = {table: await _set_aside(conn, table, where) for table, where in own.items()}
    messages = await count(conn, f"SELECT count(*) FROM messages WHERE plan_id = {result.plan_id}")
    await _take_away(conn, own)
    started = time.perf_counter()
    async with conn.transaction():
        for table, names in columns.items():
            await conn.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM own_{table}")
    bare = time.perf_counter() - started
    await _take_away(conn, own)
    return planned, bare, messages


async def _set_aside(conn: Connection, table: str, where: str) -> str:
    """Copy the plan's rows of the table; the names of what can be inserted again."""
    await conn.execute(f"DROP TABLE IF EXISTS own_{table}")
    await conn.execute(f"CREATE TEMP TABLE own_{table} AS SELECT * FROM {table} WHERE {where}")
    await conn.execute(f"ANALYZE own_{table}")
    row = await (
        await conn.execute(
            "SELECT string_agg(attname, ', ') AS names FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped AND attgenerated = '' AND attidentity = ''",
            [table],
        )
    ).fetchone()
    assert row is not None
    return str(row["names"])


async def _take_away(conn: Connection, own: dict[str, str]) -> None:
    for table, where in own.items():
        await conn.execute(f"DELETE FROM {table} WHERE {where}")
    await conn.execute("VACUUM messages, coupons, decisions")
    await conn.execute("CHECKPOINT")
