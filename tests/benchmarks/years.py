"""A large community's two years, for the rows of figures: who did what, what was sent, what was paid."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from community.database.partitions import ensure_months
from community.database.pool import Connection
from community.insight.windows import start_of
from tests.benchmarks.harness import BOT_ID

ZONE = "Asia/Shanghai"
MEMBERS, GROUPS, SOURCES = 1_000_000, 40, 12
WEEK = date(2026, 2, 23)
"""The Monday of the week that is reported."""
A_DAY = 35_000
"""Members who do something on a day of the history."""
IN_WEEK = 2_000_000
"""Events of that week."""
DAYS = 686
"""Days of history before it."""
DAY = timedelta(days=1)
MESSAGES, PAYMENTS = 5_000_000, 200_000

_WHO = """
    INSERT INTO groups (chat_id, title, registered_at)
    SELECT -1000 - n, 'Club ' || n, %(first)s FROM generate_series(1, %(groups)s) AS n;
    INSERT INTO links (token, kind, source, created_at)
    SELECT 'link-' || n, 'entry', jsonb_build_object('utm_source', 'source-' || n), %(first)s
    FROM generate_series(1, %(sources)s) AS n;
    INSERT INTO members (telegram_id, first_name, dm, home_group_id, link_token, first_seen_at, entered_at)
    SELECT 10000000 + i, 'Member ' || i, 'open', 1 + i %% %(groups)s, 'link-' || 1 + i %% %(sources)s, e, e
    FROM generate_series(1, %(members)s) AS i,
        LATERAL (SELECT %(first)s::timestamptz + (%(end)s::timestamptz - %(first)s) * i / %(members)s AS e) AS entered;
    INSERT INTO memberships (member_id, group_id, joined_at) SELECT id, home_group_id, entered_at FROM members
"""
# On a day so many members do something, each twice: one row of member_days, two events.
_DAYS = """
    INSERT INTO member_days (day, member_id, group_id, message, reaction, click, button)
    SELECT
        %(since)s::date + d, m.id, CASE WHEN n %% 4 = 0 THEN 0 ELSE 1 + m.id %% %(groups)s END,
        CASE n %% 4 WHEN 0 THEN 0 ELSE 1 END, CASE n %% 4 WHEN 1 THEN 1 ELSE 0 END,
        CASE WHEN n %% 4 = 0 THEN 1 ELSE 0 END, CASE WHEN n %% 4 <> 1 THEN 1 ELSE 0 END
    FROM generate_series(0, %(days)s - 1) AS d, generate_series(1, %(active)s) AS n,
        LATERAL (SELECT 1 + (d * 7919 + n * 31) %% %(members)s AS id) AS m
"""
_EVENTS = """
    INSERT INTO events (at, kind, member_id, group_id, data)
    SELECT
        d.day::timestamp AT TIME ZONE %(zone)s + interval '8 hours' + d.member_id %% 50000 * interval '1 second'
            + k.n * interval '1 minute',
        k.kind, d.member_id, nullif(d.group_id, 0), '{}'
    FROM member_days d, LATERAL (VALUES
        (1, CASE WHEN d.click > 0 THEN 'click' ELSE 'message' END),
        (2, CASE WHEN d.reaction > 0 THEN 'reaction' ELSE 'button' END)
    ) AS k (n, kind)
    WHERE d.day >= %(since)s AND d.day < %(since)s::date + %(days)s
"""
_SENT = """
    INSERT INTO messages (
        bot_id, member_id, chat_id, lane, stage, step, occurrence, promotional, planned_at, wanted_at, due_at, state,
        sent_at, bundle
    )
    SELECT
        %(bot)s, 1 + n %% %(members)s, n %% %(members)s, 35, 'welcome_drip', 'day_' || 1 + n %% 7, n::text, true, s, s,
        s, CASE WHEN n %% 50 = 0 THEN 'failed' ELSE 'sent' END, s, 'bench'
    FROM generate_series(1, %(messages)s) AS n, LATERAL (
        SELECT %(first)s::timestamptz + (%(end)s::timestamptz - %(first)s) * (n::float / %(messages)s) AS s
    ) AS sent
"""
_PAID = """
    INSERT INTO ledger_transactions (at, happened_at, what, provider, charge, version, by)
    SELECT at, at, 'payment', 'ime', 'charge-' || n, 1, 'provider' FROM paid;
    INSERT INTO ledger_entries (transaction_id, account, currency, amount_minor)
    SELECT t.id, a.account, 'CNY', a.amount FROM ledger_transactions t,
        LATERAL (VALUES ('cash:ime', 19900), ('revenue:month', -19900)) AS a (account, amount);
    INSERT INTO terms (
        member_id, plan, line, starts_at, ends_at, counted_from_at, changed_at, source, granted_by, paid_minor, currency
    )
    SELECT member_id, 'month', 'membership', at, at + interval '1 month', at, at, 'ime', 'charge-' || n, 19900, 'CNY'
    FROM paid;
    INSERT INTO payments (
        provider, charge, member_id, plan, paid_minor, refunded_minor, currency, disputed, paid_at, terms, state,
        changed_at
    )
    SELECT 'ime', p.granted_by, p.member_id, 'month', 19900, 0, 'CNY', 'none', p.starts_at, ARRAY[p.id], 'matched',
        p.starts_at
    FROM terms p
"""


async def fill(conn: Connection, *, history_days: int = DAYS) -> None:
    """Members, `history_days` of history before the week (50,000,000 events in all of it), and the week."""
    since = WEEK - history_days * DAY
    first, end = start_of(WEEK - DAYS * DAY, ZONE), start_of(WEEK + 7 * DAY, ZONE)
    await ensure_months(conn, "events", [first + n * 20 * DAY for n in range(DAYS // 20 + 3)])
    values = {
        "first": first, "end": end, "members": MEMBERS, "groups": GROUPS, "sources": SOURCES, "bot": BOT_ID,
        "zone": ZONE, "messages": MESSAGES,
    }  # fmt: skip
    await _each(conn, _WHO, values)
    await _each(conn, _SENT, values)
    await conn.execute(
        "CREATE TEMP TABLE paid AS SELECT n, 1 + n * 13 %% %(members)s AS member_id,"
        " %(first)s::timestamptz + (%(end)s::timestamptz - %(first)s) * n / %(payments)s AS at"
        " FROM generate_series(1, %(payments)s) AS n",
        {**values, "payments": PAYMENTS},
    )
    await _each(conn, _PAID, values)
    await active(conn, since, history_days, A_DAY)
    await active(conn, WEEK, 7, IN_WEEK // 14)
    await conn.execute("VACUUM ANALYZE")


async def active(conn: Connection, since: date, days: int, members: int) -> None:
    """So many members do two things on each of these days."""
    for first in range(0, days, 70):
        values = {
            "since": since + first * DAY, "days": min(70, days - first), "active": members, "members": MEMBERS,
            "groups": GROUPS, "zone": ZONE,
        }  # fmt: skip
        await conn.execute(_DAYS, values)  # type: ignore[arg-type]
        await conn.execute(_EVENTS, values)  # type: ignore[arg-type]


async def _each(conn: Connection, statements: str, values: dict[str, object]) -> None:
    for statement in statements.split(";\n"):
        await conn.execute(statement, values)  # type: ignore[arg-type]


def clock(day: date, hour: int) -> datetime:
    """That hour of the day in the community's zone."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(ZONE))
