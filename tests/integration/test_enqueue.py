"""Enqueue: one message an intent, in the transaction of what caused it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.outbox.enqueue import Draft, enqueue
from community.playbook_stages import MessageClass
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.rows import only_message, states

REPLY = Draft(chat_id=5, stage="bot", step="help", occurrence="update:1", message_class=MessageClass.reply, due_at=NOON)


async def test_a_draft_becomes_a_waiting_message(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    draft = replace(
        REPLY,
        member_id=await member(),
        template="bot/help",
        context={"hours": 24, "text": "<'\"\\"},
        expires_at=NOON + timedelta(hours=1),
        delete_after_s=60,
    )
    assert await enqueue(conn, BOT_ID, bundle.hash, [draft], NOON) == 1
    row = await only_message(conn)
    assert (row["state"], row["lane"], row["exempt"], row["promotional"]) == ("waiting", 5, True, False)
    for name in ("member_id", "chat_id", "template", "context", "due_at", "expires_at", "delete_after_s", "method"):
        assert row[name] == getattr(draft, name), name
    assert (row["bundle"], row["planned_at"], row["bot_id"]) == (bundle.hash, NOON, BOT_ID)


async def test_an_intent_that_is_there_adds_nothing_whatever_became_of_it(conn: Connection, member: MakeMember) -> None:
    drafts = [replace(REPLY, member_id=await member()), replace(REPLY, chat_id=-5, stage="group")]
    assert await enqueue(conn, BOT_ID, None, drafts, NOON) == 2
    await conn.execute("UPDATE messages SET state = 'cancelled'")
    again = [replace(drafts[0], chat_id=6), drafts[1], replace(REPLY, chat_id=-5, stage="group", occurrence="new")]
    assert await enqueue(conn, BOT_ID, None, again, NOON) == 1
    assert await states(conn) == {"cancelled": 2, "waiting": 1}


async def test_a_draft_twice_in_one_call_is_one_message(conn: Connection) -> None:
    assert await enqueue(conn, BOT_ID, None, [REPLY, REPLY], NOON) == 1


async def test_it_goes_with_the_transaction_that_caused_it(conn: Connection) -> None:
    with pytest.raises(ZeroDivisionError):
        async with conn.transaction():
            await enqueue(conn, BOT_ID, None, [REPLY], NOON)
            raise ZeroDivisionError
    assert await states(conn) == {}


async def test_no_drafts_is_no_statement(conn: Connection) -> None:
    await conn.close()
    assert await enqueue(conn, BOT_ID, None, [], NOON) == 0
