"""Updates stored, claimed and handled: order, replays, failures, and everything malformed."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from psycopg import OperationalError
from psycopg.errors import DiskFull

from community.bot.dispatch import dispatch
from community.bot.inbox import MalformedUpdate, parse, store
from community.bot.workers import Workers
from community.database.wakeup import Wakeup
from community.outbox.bundles import Bundles
from tests.integration.telegram_kit import (
    ANN,
    BEN,
    BOT_ID,
    NOW,
    SECRET,
    Desk,
    chat_member,
    desk,
    group_message,
    press,
    private,
    update,
    user,
)

__all__ = ["desk"]

DISPATCH = "community.bot.workers.dispatch"


async def test_a_batch_is_stored_once_however_often_it_comes(desk: Desk) -> None:
    batch = [private("a"), private("b")]
    first = await store(desk.conn, BOT_ID, [*batch, *batch])
    again = await store(desk.conn, BOT_ID, batch)
    other_bot = await store(desk.conn, BOT_ID + 1, batch)

    assert (first, again, other_bot) == (2, 0, 2)


WRONG: list[Any] = [None, 7, -1, "x", [], {}, [[]], True, {"id": 5}]


def broken_updates() -> list[dict[str, Any]]:
    """Fields missing or of the wrong type, wherever one could be."""
    whole = [private("hi"), press("stop:1"), chat_member(), group_message("hi")]
    found = []
    for original in whole:
        kind = next(key for key in original if key != "update_id")
        for key in original[kind]:
            content = {name: value for name, value in original[kind].items() if name != key}
            found += [update(**{kind: content}), update(**{kind: {**original[kind], key: "nonsense"}})]
            found += [update(**{kind: {**original[kind], key: value}}) for value in WRONG]
        found += [update(**{kind: value}) for value in WRONG]
    return found


async def test_missing_and_ill_typed_fields_fail_alone(desk: Desk) -> None:
    broken = broken_updates()
    await desk.take(*broken, private("help", user(99)))

    assert "pending" not in await desk.states()
    assert await desk.said(99) == ["bot/help"], "the service goes on"
    failed = await desk.rows("SELECT error FROM updates WHERE state = 'failed'")
    assert failed
    assert all(row["error"] for row in failed)
    alerts = await desk.rows("SELECT times FROM alerts")
    assert 0 < len(alerts) < len(failed), "the same trouble is one alert"
    assert sum(row["times"] for row in alerts) == len(failed)


async def test_unknown_kinds_and_contents_are_kept(desk: Desk) -> None:
    await desk.take(update(), update(hologram={"id": 1}), update(poll={"id": "1"}), update(message=None))

    rows = await desk.rows("SELECT kind, state FROM updates ORDER BY update_id")
    assert [row["kind"] for row in rows] == ["unknown", "unknown", "unknown", "message"]
    assert "pending" not in {row["state"] for row in rows}


async def test_what_postgresql_cannot_hold_is_stored_without_it(desk: Desk) -> None:
    nul, surrogate = private("a\0b \\u0000 \\\\u0000"), private("\ud800 \udfff", BEN)
    infinite = update(message={"n": float("inf")})
    await desk.take(nul, surrogate, infinite, private("help", 99))

    texts = await desk.rows("SELECT payload #>> '{message,text}' AS text, state FROM updates ORDER BY update_id")
    assert texts[0]["text"] == "ab \\u0000 \\\\u0000"
    assert texts[1]["text"] == " "
    assert [row["state"] for row in texts] == ["handled", "handled", "failed", "handled"]


NO_UPDATES = [b"", b"{", b"[]", b"null", b'"x"', b"{}", b"[" * 200_000, b"\xff\xfe"]
NO_UPDATES += [b'{"update_id": %s}' % number for number in (b'"7"', b"true", b"-1", b"99999999999999999999", b"1.5")]


@pytest.mark.parametrize("body", NO_UPDATES)
def test_what_is_no_update_is_said_to_be_malformed(body: bytes) -> None:
    with pytest.raises(MalformedUpdate):
        parse(body)


async def test_a_failing_handler_leaves_no_trace_but_its_error(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail_late(turn: Any, seen: Any) -> None:
        await dispatch(turn, seen)
        if seen.message.text == "bad":
            raise ValueError("no luck \0 \ud800")

    monkeypatch.setattr(DISPATCH, fail_late)
    await desk.take(private("bad"), private("good", at=NOW + timedelta(seconds=1)))

    assert await desk.states() == ["failed", "handled"]
    assert (await desk.rows("SELECT error FROM updates"))[0]["error"].startswith("ValueError: no luck")
    assert len(await desk.events("private")) == 1, "the failed one was rolled back"
    assert await desk.said() == ["bot/help"]
    assert "ValueError" in (await desk.row("SELECT what FROM alerts"))["what"]


async def test_an_error_of_the_databases_own_is_tried_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([OperationalError("deadlock detected")] * 2)

    async def stumble(turn: Any, seen: Any) -> None:
        if error := next(failures, None):
            raise error
        await dispatch(turn, seen)

    monkeypatch.setattr(DISPATCH, stumble)
    await desk.take(private("hi"))

    assert (await desk.row("SELECT state, attempts FROM updates")) == {"state": "handled", "attempts": 3}


async def test_one_that_never_succeeds_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stumble(turn: Any, seen: Any) -> None:
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(DISPATCH, stumble)
    await desk.take(private("hi"))

    assert (await desk.row("SELECT state, attempts FROM updates")) == {"state": "failed", "attempts": 5}


async def test_a_full_disk_is_not_the_updates_fault(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([DiskFull("could not extend file")] * 7)

    async def stumble(turn: Any, seen: Any) -> None:
        if error := next(failures, None):
            raise error
        await dispatch(turn, seen)

    monkeypatch.setattr(DISPATCH, stumble)
    await store(desk.conn, BOT_ID, [private("hi")])
    for _ in range(7):
        with pytest.raises(DiskFull):
            await desk.workers.drain()
    await desk.workers.drain()

    assert (await desk.row("SELECT state, attempts FROM updates")) == {"state": "handled", "attempts": 1}


async def test_another_bots_updates_are_left_to_it(desk: Desk) -> None:
    await store(desk.conn, BOT_ID + 1, [private("hi")])
    await store(desk.conn, BOT_ID, [private("hi")])
    await desk.workers.drain()

    rows = await desk.rows("SELECT bot_id, state FROM updates ORDER BY bot_id")
    assert [(row["bot_id"], row["state"]) for row in rows] == [(BOT_ID, "handled"), (BOT_ID + 1, "pending")]


async def test_without_a_wake_up_an_update_is_handled_within_seconds(desk: Desk) -> None:
    running = asyncio.create_task(desk.workers.run())
    await asyncio.sleep(0.3)  # it has looked, found nothing, and waits
    await store(desk.conn, BOT_ID, [private("hi")])
    async with asyncio.timeout(5):
        while await desk.states() != ["handled"]:
            await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_several_replicas_keep_each_users_order(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    handled: list[tuple[int, str]] = []
    together = 0
    most_together = 0

    async def watch(turn: Any, seen: Any) -> None:
        nonlocal together, most_together
        together += 1
        most_together = max(most_together, together)
        await turn.conn.execute("SELECT pg_sleep(0.002)")
        handled.append((seen.message.from_user.id, seen.message.text))
        together -= 1

    monkeypatch.setattr(DISPATCH, watch)
    users = range(100, 106)
    await store(desk.conn, BOT_ID, [private(str(n), who) for n in range(8) for who in users])
    replicas = [
        Workers(
            desk.pool, Bundles(), Wakeup("unused"), desk.workers._direct, bot_id=BOT_ID, staff_chat=None, secret=SECRET
        )
        for _ in range(3)
    ]
    running = [asyncio.create_task(replica.run()) for replica in replicas]
    async with asyncio.timeout(20):
        while await desk.rows("SELECT FROM updates WHERE state = 'pending'"):
            await asyncio.sleep(0.01)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)

    assert most_together > 1
    for who in users:
        assert [text for number, text in handled if number == who] == [str(n) for n in range(8)]


async def test_a_killed_worker_leaves_its_update_to_the_next(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    started = asyncio.Event()

    async def hang(turn: Any, seen: Any) -> None:
        await dispatch(turn, seen)
        await turn.finish()
        started.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(DISPATCH, hang)
    await store(desk.conn, BOT_ID, [private("hi")])
    dying = asyncio.create_task(desk.workers.drain())
    await started.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    monkeypatch.setattr(DISPATCH, dispatch)
    await desk.workers.drain()

    assert await desk.states() == ["handled"]
    assert await desk.said() == ["bot/help"]
    assert len(await desk.events("private")) == 1


async def test_bots_anonymous_admins_and_linked_channels_are_no_members(desk: Desk) -> None:
    channel = {"id": -1009, "type": "channel", "title": "News"}
    await desk.take(
        group_message("post", user(777000, first_name="Telegram"), sender_chat=channel),
        group_message("order", {"id": 1087968824, "is_bot": True, "first_name": "Group"}),
        group_message("beep", {"id": 5, "is_bot": True, "first_name": "Other bot"}),
        group_message("as channel", user(ANN), sender_chat=channel),
        chat_member({"id": 6, "is_bot": True, "first_name": "Another"}),
    )

    assert await desk.states() == ["handled"] * 5
    assert await desk.rows("SELECT * FROM members") == []


async def test_group_messages_are_recorded_without_their_text(desk: Desk) -> None:
    await desk.take(group_message("my phone is 555-0199"))

    event = (await desk.events("message"))[0]
    assert event["data"] == {"kind": "text", "length": 20}
    assert event["group_id"] is not None
    assert "555" not in json.dumps(await desk.rows("SELECT to_jsonb(e) AS e FROM events e"))
    assert (await desk.member())["last_active_at"] == NOW


async def test_writing_to_the_bot_is_no_message_in_a_group(desk: Desk) -> None:
    await desk.take(private("hi"))
    assert await desk.events("message") == []
    [event] = await desk.events("private")
    assert event["group_id"] is None
    await desk.take(group_message("hi"))
    kinds = {row["kind"] for row in await desk.rows("SELECT kind FROM v_milestones")}
    assert {"message", "private"} <= kinds
