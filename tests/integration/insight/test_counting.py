"""Counting by days: what happened is in the number of its day, also when it was entered long after."""

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from community.activity.backfill import Fact, backfill, write
from community.activity.counted import late_days
from community.activity.record import Activity, record
from community.bundle import Bundle
from community.database.pool import Connection, connect
from community.insight import counting
from community.insight.counting import MOST_LATE, count, count_open, count_window
from community.insight.definitions import parameters
from community.insight.measuring import counts_of, keep
from community.insight.values import rows
from community.playbook import Playbook
from tests.integration.conftest import MakeMember
from tests.integration.insight.kit import NOW, count_all, day, did, groups, join, local, value, week
from tests.integration.rows import one


async def test_what_happened_counts_on_its_local_day(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    ann, bob = await member(), await member()
    await did(conn, ann, "message", "2026-03-17 00:00", "2026-03-17 23:59")
    await did(conn, ann, "click", "2026-03-18 00:00")
    await did(conn, bob, "reaction", "2026-03-16 23:59")
    await count(conn, playbook, NOW)
    found = [(await value(conn, "active", day(f"2026-03-{n}"))).hits for n in (16, 17, 18)]
    assert found == [1, 1, 1]
    assert (await value(conn, "active", week("2026-03-18"))).hits == 2


async def test_a_number_is_of_the_rows_it_shows(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    members = [await member(entered_at=local(f"2026-03-{n} 09:00")) for n in (15, 16, 17)]
    await count(conn, playbook, NOW)
    assert (await value(conn, "new_members", week("2026-03-16"))).hits == 2
    behind = await rows(conn, playbook, "new_members", week("2026-03-16"))
    assert [row["member_id"] for row in behind] == members[1:]


async def test_by_source_and_group(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    await conn.execute(
        "INSERT INTO links (token, kind, source, created_at)"
        " VALUES ('a', 'entry', '{\"utm_source\": \"notes\"}', now())"
    )
    await member(entered_at=local("2026-03-17 09:00"), link_token="a")
    await member(entered_at=local("2026-03-17 09:00"), home_group_id=7)
    await count(conn, playbook, NOW)
    asked = day("2026-03-17")
    assert (await value(conn, "new_members", asked)).hits == 2
    assert (await value(conn, "new_members", asked, source="notes")).hits == 1
    assert (await value(conn, "new_members", asked, source="unknown")).hits == 1
    assert (await value(conn, "new_members", asked, group_id=7)).hits == 1


async def test_the_past_is_counted_the_first_time(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    ann = await member()
    await did(conn, ann, "message", "2026-02-09 10:00", "2026-03-01 10:00")
    await count_all(conn, playbook)
    assert (await value(conn, "active", day("2026-02-09"))).hits == 1
    assert (await value(conn, "active", week("2026-02-09"))).hits == 1
    assert (await value(conn, "active", day("2026-03-01"))).hits == 1


async def test_a_day_stays_open_for_some_hours_after_its_end(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    """What was on its way at midnight is not late, and costs no counting anew of all that looks back to that day."""
    ann, bob = await member(), await member()
    await did(conn, ann, "message", "2026-03-17 10:00")
    midnight = local("2026-03-18 00:10")
    await count_all(conn, playbook, midnight)
    await did(conn, bob, "message", "2026-03-17 23:59")
    assert await late_days(conn, 10) == []
    for hours, days in ((1, 2), (7, 2), (8, 1)):
        assert await count_open(conn, playbook, midnight + timedelta(hours=hours)) == days
    assert (await value(conn, "active", day("2026-03-17"))).hits == 2
    assert (await value(conn, "active", week("2026-03-17"))).hits == 2
    await did(conn, await member(), "message", "2026-03-17 22:00")
    assert await late_days(conn, 10) == [date(2026, 3, 17)]


async def test_what_comes_late_is_counted_on_its_day(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    ann = await member()
    await did(conn, ann, "message", "2026-03-01 10:00")
    await count_all(conn, playbook)
    assert await late_days(conn, 10) == []
    await did(conn, ann, "message", "2026-03-02 10:00", "2026-03-18 10:00")
    assert await late_days(conn, 10) == [date(2026, 3, 2)]
    assert (await count(conn, playbook, NOW)).counted == [date(2026, 3, 2)]
    assert (await value(conn, "active", day("2026-03-02"))).hits == 1
    assert (await value(conn, "active", week("2026-03-02"))).hits == 1
    assert await late_days(conn, 10) == []


async def test_late_days_change_the_numbers_that_look_back_to_them(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    ann = await member(entered_at=local("2026-02-20 12:00"))
    await count_all(conn, playbook)
    asked = day("2026-03-06")
    assert (await value(conn, "retention_7", asked)).number == 0
    await did(conn, ann, "click", "2026-03-01 10:00")
    await count(conn, playbook, NOW)
    assert (await value(conn, "retention_7", asked)).number == 1


async def test_counted_again_nothing_changes(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    await did(conn, await member(), "message", "2026-03-17 10:00", "2026-03-10 10:00")
    for _ in range(2):
        await count(conn, playbook, NOW)
    first = await everything(conn)
    await count(conn, playbook, NOW)
    assert first
    assert await everything(conn) == first


async def test_a_day_that_goes_on_is_counted_as_it_is_now(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    ann, bob = await member(), await member()
    await did(conn, ann, "message", "2026-03-18 10:00", group_id=1)
    await did(conn, bob, "message", "2026-03-18 10:00", group_id=1)
    await count(conn, playbook, NOW)
    await did(conn, ann, "message", "2026-03-18 11:00", group_id=1)
    await conn.execute("DELETE FROM events WHERE member_id = %s", [bob])
    await count(conn, playbook, NOW)
    days = await (await conn.execute("SELECT member_id, message FROM member_days")).fetchall()
    assert days == [{"member_id": ann, "message": 2}]
    assert (await value(conn, "messages", day("2026-03-18"))).number == 2


async def test_a_new_day_is_not_counted_by_nested_loops(
    conn: Connection, playbook: Playbook, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statistics know nothing of it, and loops are quadratic then. The KPIs may use them: few rows are looked up so."""
    seen: list[tuple[str, str]] = []
    execute = type(conn).execute

    async def spied(self: Connection, query: Any, *rest: Any, **more: Any) -> Any:
        for what in ("member_days (day", "kpi_values (kpi"):
            if f"INSERT INTO {what}" in str(query):
                row = await (await execute(self, "SHOW enable_nestloop")).fetchone()
                seen.append((what, row["enable_nestloop"] if row else ""))
        return await execute(self, query, *rest, **more)

    monkeypatch.setattr(type(conn), "execute", spied)
    await did(conn, await member(), "message", "2026-03-18 10:00")
    await count_window(conn, playbook, day("2026-03-18"), NOW)
    assert set(seen) == {("member_days (day", "off"), ("kpi_values (kpi", "on")}


async def test_who_comes_while_a_window_is_counted_is_in_all_its_sums_or_in_none(
    conn: Connection, database_url: str, playbook: Playbook, member: MakeMember
) -> None:
    (group,) = await groups(conn, 1)
    await join(conn, await member(), group, "2026-03-17 10:00")
    asked = day("2026-03-17")
    values = parameters(playbook, asked)
    async with await connect(database_url) as other, conn.transaction():
        await keep(conn, ["active_rate", "members"], values)
        late = await one(
            await other.execute(
                "INSERT INTO members (telegram_id, first_name, dm, first_seen_at, entered_at)"
                " VALUES (99, 'Bob', 'open', %(at)s, %(at)s) RETURNING id",
                {"at": local("2026-03-17 12:00")},
            )
        )
        await join(other, late["id"], group, "2026-03-17 12:00")
        rows = await (await conn.execute(await counts_of(conn, "members", values), values)).fetchall()
    sums = {(row["group_id"], row["source"]): row["hits"] for row in rows}
    assert (sums[0, ""], sums[0, "unknown"], sums[group, ""]) == (2, 2, 2)


async def test_after_days_without_counting_none_is_missing(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    ann = await member()
    await count(conn, playbook, NOW)
    await did(conn, ann, "message", "2026-03-20 10:00", "2026-03-25 10:00")
    await count(conn, playbook, NOW + timedelta(days=9))
    assert (await value(conn, "active", day("2026-03-20"))).hits == 1
    assert (await value(conn, "active", week("2026-03-20"))).hits == 1
    assert (await value(conn, "active", day("2026-03-25"))).hits == 1


async def test_after_weeks_without_counting_it_is_done_a_few_days_at_a_time(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    """A transaction of all these days would hold up whoever brings anything in."""
    ann = await member()
    await count(conn, playbook, NOW)
    await did(conn, ann, "message", "2026-03-19 10:00", "2026-04-10 10:00")
    later = NOW + timedelta(days=30)
    assert await count_open(conn, playbook, later) <= MOST_LATE + 2
    await count_all(conn, playbook, later)
    assert (await value(conn, "active", day("2026-03-19"))).hits == 1
    assert (await value(conn, "active", day("2026-04-10"))).hits == 1
    assert await late_days(conn, 10) == []


async def test_what_is_marked_while_it_is_counted_is_counted_next_time(
    conn: Connection, database_url: str, playbook: Playbook, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = await member(), await member()
    await count_all(conn, playbook)
    await did(conn, ann, "message", "2026-03-02 10:00")
    other = await connect(database_url)
    counted_day: Callable[..., Any] = counting._count_day

    async def meanwhile(*arguments: Any) -> None:
        await counted_day(*arguments)
        if arguments[2].since == date(2026, 3, 2):
            await record(other, [Activity("message", local("2026-03-02 11:00"), bob)])

    monkeypatch.setattr(counting, "_count_day", meanwhile)
    await count(conn, playbook, NOW)
    monkeypatch.undo()
    await count(conn, playbook, NOW)
    await other.close()
    assert (await value(conn, "active", day("2026-03-02"))).hits == 2


async def test_another_zone_has_other_days(
    conn: Connection, edited: Callable[..., Bundle], playbook: Playbook, member: MakeMember
) -> None:
    await did(conn, await member(), "message", "2026-03-10 03:00")
    await count(conn, playbook, NOW)
    community = {**edited().source["community"], "zone": "America/New_York"}
    await count(conn, edited(community=community).playbook, NOW)
    assert (await value(conn, "active", day("2026-03-09"))).hits == 1
    assert (await value(conn, "active", day("2026-03-10"))).hits == 0


@pytest.mark.parametrize(
    "row",
    [
        "INSERT INTO ad_spend (day, source, campaign, currency, spent_minor, impressions, clicks)"
        " VALUES ('2026-01-05', 'ads', '', 'CNY', 1, 0, 0)",
        "INSERT INTO ledger_transactions (provider, charge, version, what, at, happened_at, by)"
        " VALUES ('ime', 'c', 1, 'payment', '2026-03-17', '2026-01-05 10:00+08', 'test')",
        "INSERT INTO terms (member_id, line, plan, source, granted_by, trial, starts_at, counted_from_at, changed_at)"
        " SELECT id, 'membership', 'month', 'staff', 'Mei', false, '2026-01-05 10:00+08', entered_at, entered_at"
        " FROM members",
    ],
)
async def test_the_past_begins_with_whatever_came_first(
    conn: Connection, playbook: Playbook, member: MakeMember, row: str
) -> None:
    await member(entered_at=NOW)
    await conn.execute(row)  # type: ignore[call-overload]
    await conn.execute(
        "INSERT INTO ledger_entries (transaction_id, account, currency, amount_minor)"
        " SELECT id, account, 'CNY', minor FROM ledger_transactions,"
        " (VALUES ('cash:ime', 1), ('revenue:month', -1)) AS e (account, minor)"
    )
    await count(conn, playbook, NOW)
    assert (await late_days(conn, 100))[-1] == date(2026, 1, 5)


async def test_a_window_is_counted_with_its_days(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    """Nobody has counted the days since, as when the counter was away."""
    ann = await member()
    await did(conn, ann, "message", "2026-03-09 00:00", "2026-03-18 09:00", group_id=1)
    for asked in (week("2026-03-09"), week("2026-03-18")):
        await count_window(conn, playbook, asked, NOW)
        assert (await value(conn, "messages", asked)).number, asked
    await did(conn, ann, "message", "2026-03-10 10:00", group_id=1)
    await count_window(conn, playbook, week("2026-03-09"), NOW)
    assert (await value(conn, "messages", week("2026-03-09"))).number == 2


async def test_what_is_counted_for_good_is_not_counted_anew_until_something_comes_late(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    """So a report reads what is counted, and does not go through the week's events."""
    ann = await member()
    await did(conn, ann, "message", "2026-03-10 10:00", group_id=1)
    await count_all(conn, playbook)
    asked = week("2026-03-09")
    await conn.execute("UPDATE kpi_values SET minor = 7 WHERE kpi = 'messages'")
    await count_window(conn, playbook, asked, NOW)
    assert (await value(conn, "messages", asked)).number == 7, "left alone"
    await did(conn, ann, "message", "2026-02-20 10:00", group_id=1)  # retention looks back to it
    await count_window(conn, playbook, asked, NOW)
    assert (await value(conn, "messages", asked)).number == 1
    running = week("2026-03-18")
    await did(conn, ann, "message", "2026-03-18 10:00", group_id=1)
    await count_window(conn, playbook, running, NOW)
    assert (await value(conn, "messages", running)).number == 1, "not over yet"


@pytest.mark.parametrize("counted_before", [False, True])
async def test_what_is_being_brought_in_is_waited_for(
    conn: Connection, database_url: str, playbook: Playbook, member: MakeMember, counted_before: bool
) -> None:
    """At the first count, and at one after days without: else its days would be passed over."""
    row = await (await conn.execute("SELECT telegram_id FROM members WHERE id = %s", [await member()])).fetchone()
    assert row is not None
    if counted_before:
        await count_all(conn, playbook, NOW - timedelta(days=20))
    async with await connect(database_url) as other, other.transaction():
        fact = Fact("message", local("2026-03-02 10:00"), row["telegram_id"], {"message": 1})
        await backfill(other, 1, write([fact]))
        counting_on = asyncio.create_task(count_all(conn, playbook))
        await asyncio.sleep(0.5)
    await counting_on
    await count_all(conn, playbook)
    assert (await value(conn, "active", day("2026-03-02"))).hits == 1


async def everything(conn: Connection) -> list[Any]:
    """All values, and all days of members."""
    values = await (await conn.execute("SELECT * FROM kpi_values ORDER BY 1, 2, 3, 4, 5, 6, 7")).fetchall()
    return values + await (await conn.execute("SELECT * FROM member_days ORDER BY 1, 2, 3")).fetchall()
