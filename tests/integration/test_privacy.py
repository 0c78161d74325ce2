"""Erasing a member: nothing of them is left in any table, and they are left alone when they come back."""

import asyncio
import json
from typing import Any

import pytest

from community.bot.inbox import store
from community.database.pool import Connection, connect
from community.database.tables import metadata
from community.live.people import ask, register
from community.members.bring_in import Listed, bring_in_listed
from community.members.models import Member
from community.members.people import by_telegram_id
from community.members.suppression import leave_alone_again, suppress, suppression_hash
from community.privacy.personal import STATEMENTS, erase, export
from tests.integration.conftest import NOON
from tests.integration.rows import one, put
from tests.integration.telegram_kit import (
    BEN,
    NOW,
    SECRET,
    Desk,
    chat_member,
    desk,
    group_message,
    join_request,
    press,
    private,
)

__all__ = ["desk"]

ANN_ID = 7_340_912_345_678
ANNA = {"id": ANN_ID, "is_bot": False, "first_name": "Annabella", "last_name": "Quux", "username": "annaquux"}
TRACES = (str(ANN_ID), "Annabella", "Quux", "annaquux", "freight to Riga")
REFERS = {"member_id", "telegram_id", "user_key", "chat_id"}
"""Columns that may lead to a member."""
HOLD_NOTHING = {"groups": "chat_id is the group's"}
ALSO = {"halts": "scope may be chat:<Telegram id>"}


def test_no_table_that_may_lead_to_a_member_is_forgotten() -> None:
    names = {name for package in STATEMENTS for name in package.names}
    leading = {table.name for table in metadata.tables.values() if REFERS & set(table.columns.keys())}
    for table in (leading | {"members"} | set(ALSO)) - set(HOLD_NOTHING):
        assert {f"erase_{table}", f"export_{table}"} <= names, f"{table}: privacy.sql of its package leaves it out"


@pytest.fixture
async def anna(desk: Desk) -> Member:
    """A member who has left traces everywhere, and Ben who answered her."""
    await desk.take(join_request(ANNA), private("no", ANNA), private("7", ANNA))
    await desk.take(chat_member(ANNA), private("/start", ANNA), private("freight to Riga", ANNA), press("mine", ANNA))
    await desk.take(private("/start", BEN), chat_member(BEN))
    reply = {"message_id": 9, "date": 1, "chat": {"id": -1001, "type": "supergroup"}, "from": ANNA, "text": "hello"}
    await desk.take(group_message("hello", ANNA), group_message("I agree", BEN, reply_to_message=reply))
    member = await by_telegram_id(desk.conn, ANN_ID)
    assert member is not None
    await desk.conn.execute("INSERT INTO chat_paces VALUES (4203, %s, clock_timestamp())", [ANN_ID])
    await desk.conn.execute("INSERT INTO halts VALUES (%s, 'operator', '', clock_timestamp())", [f"chat:{ANN_ID}"])
    await desk.conn.execute("UPDATE memberships SET greeting = 'due'")
    await desk.conn.execute(
        "INSERT INTO messages (bot_id, chat_id, lane, stage, step, occurrence, template, context, planned_at, due_at)"
        " VALUES (4203, -1001, 3, 'group', 'welcome', 'x', 'group/welcome', %s, %s, %s)",
        [json.dumps({"names": ["Annabella Quux", "Ben"]}), NOW, NOW],
    )
    await desk.conn.execute(
        "WITH p AS (INSERT INTO plans (stage, kind, as_of_at, planned_wall, state, bundle, decide_by_at)"
        " VALUES ('welcome_drip', 'approval', %(now)s, %(now)s, 'proposed', 'x', %(now)s) RETURNING id)"
        " INSERT INTO plan_rows (plan_id, on_day, member_id, step, occurrence, due_at, expires_at, lane, promotional,"
        " exempt, template)"
        " SELECT p.id, '2026-03-04', m.id, 'day_1', 'x', %(now)s, %(now)s, 35, true, false, 'x' FROM p, members m",
        {"now": NOW},
    )
    await desk.conn.execute(
        "INSERT INTO lives (title, url, announce_at, starts_at, ends_at, window_until_at, created_at)"
        " SELECT 'Live', 'x', t, t + interval '1 h', t + interval '2 h', t + interval '2 h', t"
        " FROM (SELECT %s::timestamptz AS t) AS t",
        [NOW],
    )
    await register(desk.conn, 1, member.id, NOW, "button")
    await ask(desk.conn, 1, member.id, "freight to Riga?", NOW)
    return member


async def dump(conn: Connection) -> str:
    """Everything in the database, as a thief would read it."""
    tables = [name for name in metadata.tables if name not in ("bundles",)]
    rows = {table: await (await conn.execute(f"SELECT * FROM {table}")).fetchall() for table in tables}
    return json.dumps(rows, default=str, ensure_ascii=False)


async def test_nothing_of_an_erased_member_is_left(desk: Desk, anna: Member) -> None:
    before = await dump(desk.conn)
    assert all(trace in before for trace in TRACES)
    events = len(await desk.events())
    removed = await erase(desk.conn, anna, SECRET, NOW)
    after = await dump(desk.conn)
    assert [trace for trace in TRACES if trace in after] == []
    for table in metadata.tables.values():
        if "member_id" in table.columns:
            assert await desk.rows(f"SELECT 1 FROM {table.name} WHERE member_id = %s", anna.id) == [], table.name
    assert len(await desk.events()) == events, "what happened stays countable"
    assert await desk.rows("SELECT 1 FROM messages WHERE state IN ('waiting', 'sending') AND chat_id = 0") == []
    assert removed["members"] == 1
    record = await desk.row("SELECT * FROM erasures")
    assert (record["member_number"], record["removed"]) == (anna.id, removed)


async def test_others_are_not_touched(desk: Desk, anna: Member) -> None:
    ben = await desk.member(BEN)
    held = await export(desk.conn, Member(**ben))
    await erase(desk.conn, anna, SECRET, NOW)
    after = await export(desk.conn, Member(**await desk.member(BEN)))
    mentions = {"updates"}
    assert {k: v for k, v in after.items() if k not in mentions} == {k: v for k, v in held.items() if k not in mentions}
    greeting = await desk.row("SELECT context FROM messages WHERE template = 'group/welcome' AND occurrence = 'x'")
    assert greeting["context"] == {"names": ["Ben"]}


async def test_coming_back_is_new_and_left_alone(desk: Desk, anna: Member) -> None:
    await erase(desk.conn, anna, SECRET, NOW)
    await desk.take(private("/start", ANNA), private("/start", 99))
    back = await desk.member(ANN_ID)
    assert back["id"] != anna.id
    assert back["opted_out_at"] == NOW
    assert await desk.said(ANN_ID), "direct answers still come"
    assert (await desk.member(99))["opted_out_at"] is None


async def test_the_hash_needs_the_secret(desk: Desk, anna: Member) -> None:
    await erase(desk.conn, anna, SECRET, NOW)
    kept = (await desk.row("SELECT hash FROM suppressions"))["hash"]
    assert kept == suppression_hash(SECRET, ANN_ID)
    assert kept != suppression_hash("another", ANN_ID)


async def test_a_waiting_update_of_the_member_is_not_handled(desk: Desk, anna: Member) -> None:
    await store(desk.conn, 4203, [private("too late", ANNA)])
    await erase(desk.conn, anna, SECRET, NOW)
    await desk.workers.drain()
    assert await by_telegram_id(desk.conn, ANN_ID) is None


async def test_all_or_nothing(desk: Desk, anna: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError

    before = await dump(desk.conn)
    monkeypatch.setattr("community.privacy.personal.record_erasure", fail)
    with pytest.raises(RuntimeError):
        await erase(desk.conn, anna, SECRET, NOW)
    assert await dump(desk.conn) == before


async def test_export_tells_everything(desk: Desk, anna: Member) -> None:
    told = await export(desk.conn, anna)
    text = json.dumps(told, default=str)
    assert all(trace in text for trace in TRACES)
    assert told["members"][0]["telegram_id"] == ANN_ID
    named = {"events", "messages", "member_tags", "follow_ups", "updates", "memberships", "live_questions", "plan_rows"}
    assert named <= {k for k, v in told.items() if v}


async def test_erased_twice_in_turn(desk: Desk, anna: Member) -> None:
    await erase(desk.conn, anna, SECRET, NOW)
    await desk.take(private("/start", ANNA))
    back = await by_telegram_id(desk.conn, ANN_ID)
    assert back is not None
    await erase(desk.conn, back, SECRET, NOW)
    assert (await one(await desk.conn.execute("SELECT count(*) AS n FROM suppressions")))["n"] == 1


@pytest.mark.parametrize("table", ["updates", "plans"])
async def test_who_is_writing_about_the_member_is_waited_for(
    desk: Desk, anna: Member, database_url: str, table: str
) -> None:
    """A worker holds its update, a planner its new plan, when they write a message that nobody else sees yet."""
    held = {
        "updates": "SELECT 1 FROM updates LIMIT 1 FOR UPDATE",
        "plans": "INSERT INTO plans (stage, as_of_at, planned_wall, state, bundle)"
        " VALUES ('x', clock_timestamp(), clock_timestamp(), 'executed', 'x')",
    }
    async with await connect(database_url) as writer:
        async with writer.transaction():
            await writer.execute(held[table])
            await put(writer, member_id=anna.id, chat_id=ANN_ID)
            erasing = asyncio.create_task(erase(desk.conn, anna, SECRET, NOW))
            await asyncio.sleep(0.3)
            assert not erasing.done()
        await erasing
        rows = await (await writer.execute("SELECT 1 FROM messages WHERE chat_id = %s", [ANN_ID])).fetchall()
    assert rows == []


async def test_an_erased_member_whom_an_import_brings_back_is_left_alone(conn: Connection) -> None:
    people = [Listed(telegram_id=number) for number in (71, 72)]
    await suppress(conn, "s", 71, NOON)
    await bring_in_listed(conn, people, NOON)
    assert await leave_alone_again(conn, "s") == 1
    rows = await (await conn.execute("SELECT telegram_id FROM members WHERE opted_out_at = %s", [NOON])).fetchall()
    assert rows == [{"telegram_id": 71}]
    assert await leave_alone_again(conn, "s") == 0
