"""What is old enough goes: whole months, members' words. What keys, caps and milestones need stays."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st
from psycopg.types.json import Jsonb
from pydantic import ValidationError

from community.activity.record import Activity, record
from community.bot.inbox import store
from community.bot.retention import BATCH as PAGE, forget_updates
from community.bundle import Bundle
from community.database import partitions
from community.database.partitions import _months_between, drop_months, ensure_months, months
from community.database.pool import Connection
from community.errors import DatabaseError
from community.outbox.retention import forget_contexts
from community.outreach.decide import decide, execute
from community.outreach.plan import plan
from community.outreach.proposals import find_proposal, propose_backfill
from community.outreach.retention import forget_rows
from community.playbook import Retention
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.rows import put

DAY = timedelta(days=1)


@pytest.fixture
def database_url(pristine_url: str) -> str:
    """No month has been made yet."""
    return pristine_url


def month(year: int, number: int) -> datetime:
    return datetime(year, number, 1, tzinfo=UTC)


@given(
    st.datetimes(timezones=st.just(UTC)).filter(lambda at: at.year > 1000),
    st.integers(3, 120),
    st.timedeltas(timedelta(0), timedelta(days=365 * 20)),
)
def test_nothing_younger_than_the_months_to_keep_is_dropped_and_nothing_stays_a_month_longer(
    now_at: datetime, keep: int, age: timedelta
) -> None:
    dropped = _months_between(now_at - age, now_at) > keep
    if age <= keep * timedelta(days=28):
        assert not dropped
    if age > (keep + 2) * timedelta(days=31):
        assert dropped


async def test_old_months_go_and_members_keep_what_they_reached(conn: Connection, member: MakeMember) -> None:
    number = await member()
    old, kept = datetime(2025, 11, 30, 23, 59, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC)
    await record(conn, [Activity("message", at, number) for at in (old, old.replace(year=2023), kept, NOON)])
    reached = await (await conn.execute("SELECT * FROM milestones")).fetchall()

    assert await drop_months(conn, "events", 3, NOON) == [month(2023, 11), month(2025, 11)]

    assert await months(conn, "events") == [month(2025, 12), month(2026, 3)]
    assert await drop_months(conn, "events", 3, NOON) == []
    assert await (await conn.execute("SELECT * FROM milestones")).fetchall() == reached
    (row,) = await (await conn.execute("SELECT last_active_at FROM members")).fetchall()
    assert (reached[0]["first_at"], row["last_active_at"]) == (old.replace(year=2023), NOON)
    await record(conn, [Activity("message", old, number)])
    assert month(2025, 11) in await months(conn, "events"), "a late import makes its month again"


async def test_months_in_use_are_dropped_another_time(
    conn: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "PATIENCE", "50ms")
    await ensure_months(conn, "decisions", [month(2020, 1)])
    async with await Connection.connect(database_url) as other:
        await other.execute("LOCK TABLE decisions IN ACCESS SHARE MODE")
        with pytest.raises(DatabaseError, match="decisions: held by"):
            await drop_months(conn, "decisions", 3, NOON)
    assert await months(conn, "decisions") == [month(2020, 1)]


async def test_updates_go_when_they_are_long_handled(conn: Connection) -> None:
    await store(conn, BOT_ID, [{"update_id": number, "message": {"text": "private"}} for number in range(1, 7)])
    ages = {1: ("handled", 31), 2: ("failed", 31), 3: ("handled", 29), 4: ("pending", None), 6: ("handled", 31)}
    for number, (state, days) in ages.items():
        await conn.execute(
            "UPDATE updates SET state = %s, handled_wall = clock_timestamp() - %s * interval '1 day'"
            " WHERE update_id = %s",
            [state, days, number],
        )
    assert await forget_updates(conn, BOT_ID, 30 * DAY) == 3
    assert await forget_updates(conn, BOT_ID, 30 * DAY) == 0
    rows = await (await conn.execute("SELECT update_id FROM updates ORDER BY 1")).fetchall()
    assert [row["update_id"] for row in rows] == [3, 4, 5]


async def test_updates_go_page_by_page(conn: Connection) -> None:
    await conn.execute(
        "INSERT INTO updates (bot_id, update_id, user_key, kind, state, received_wall, handled_wall)"
        " SELECT %s, n, 1, 'message', 'handled', '2020-01-01', CASE WHEN n %% 2 = 0 THEN '2020-01-01'::timestamptz"
        " ELSE clock_timestamp() END FROM generate_series(1, %s) n",
        [BOT_ID, PAGE + 10],
    )
    assert await forget_updates(conn, BOT_ID, 30 * DAY) == PAGE // 2 + 5


async def test_old_messages_lose_what_they_were_filled_in_with_and_nothing_else(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """The intent stays: planning again adds nothing, however long ago it was."""
    await member()
    await plan(conn, bundle, "welcome_drip", NOON, bot_id=BOT_ID)
    await conn.execute("UPDATE messages SET state = 'sent', sent_at = %s, context = %s", [NOON, Jsonb({"a": 1})])
    for state in ("sent", "expired", "cancelled", "failed", "uncertain", "waiting"):
        await put(conn, state=state, context={"words": state})
    young = await put(conn, state="sent", context={"words": "young"})
    await conn.execute("UPDATE messages SET settled_wall = '2020-01-01' WHERE state <> 'waiting' AND id <> %s", [young])
    columns = "id, member_id, stage, step, occurrence, state, sent_at, counts_at, due_at"
    before = await (await conn.execute(f"SELECT {columns} FROM messages ORDER BY id")).fetchall()

    assert await forget_contexts(conn, 365 * DAY) == 5

    assert await (await conn.execute(f"SELECT {columns} FROM messages ORDER BY id")).fetchall() == before
    kept = await (await conn.execute("SELECT context FROM messages WHERE context <> '{}' ORDER BY id")).fetchall()
    assert [row["context"]["words"] for row in kept] == ["failed", "uncertain", "waiting", "young"]
    assert (await plan(conn, bundle, "welcome_drip", NOON, bot_id=BOT_ID)).send == 0


async def test_rows_of_old_proposals_go_once_they_are_done_and_the_plans_keep_their_counts(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    await member(entered_at=NOON)
    plans = []
    for decision in (None, "cancel", "send"):
        found = await propose_backfill(conn, bundle, "welcome_drip", NOON.date(), NOON.date(), NOON, bot_id=BOT_ID)
        if decision:
            said = {"by": "Ada", "how": "command", "note": "", "bot_id": BOT_ID}
            await decide(conn, found.id, decision, NOON, **said)
            await execute(conn, bundle, bundle, found.id, NOON, bot_id=BOT_ID)
        plans.append(found.id)
    assert await forget_rows(conn, 90 * DAY) == 0, "they are young"
    await conn.execute("UPDATE plans SET planned_wall = clock_timestamp() - interval '91 days'")

    assert await forget_rows(conn, 90 * DAY) == 2
    assert await forget_rows(conn, 90 * DAY) == 0
    rows = await (await conn.execute("SELECT plan_id FROM plan_rows")).fetchall()
    assert [row["plan_id"] for row in rows] == plans[:1], "one that waits for a word keeps its rows"
    kept = await find_proposal(conn, str(plans[2]))
    assert (kept.send, kept.sent, kept.left) == (1, 1, 0)


@pytest.mark.parametrize("values", [{"events_months": 2}, {"decisions_months": 0}, {"updates_after": "36h"}])
def test_too_short_a_time_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Retention.model_validate(values)
