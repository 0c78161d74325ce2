"""What Telegram and the network answer, as outcomes: over real HTTP, with the sandbox's faults."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from community.channels.channel import Outcome, Outgoing, Result
from community.channels.telegram import TelegramChannel, make_bot
from community.channels.transport import AiohttpRequest
from community.database.pool import Connection
from community.outbox.record import Delivered, Recorder
from community.sandbox.app import create_app
from community.sandbox.client import SandboxClient
from community.sandbox.server import bind, server
from community.sandbox.world import DEFAULT_TOKEN, Options
from community.wording import Button
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.rows import message, one, put

ANN, BOB = 17, 18


@pytest.fixture(scope="module")
async def telegram_api() -> AsyncIterator[str]:
    """A sandbox over real HTTP."""
    listener = bind("127.0.0.1", 0)
    serving = server(create_app(Options(tokens=(DEFAULT_TOKEN,))))
    task = asyncio.create_task(serving.serve([listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    serving.should_exit = True
    await task


@pytest.fixture(scope="module")
async def control(telegram_api: str) -> AsyncIterator[SandboxClient]:
    async with SandboxClient(telegram_api) as client:
        yield client


@pytest.fixture
async def sandbox(control: SandboxClient) -> SandboxClient:
    """Ann, who has opened her chat, and Bob, who has not."""
    await control.reset()
    await control.create_users([{"id": ANN, "first_name": "Ann"}, {"id": BOB, "first_name": "Bob"}])
    await control.start(ANN)
    return control


@pytest.fixture
async def channel(telegram_api: str, sandbox: SandboxClient) -> AsyncIterator[TelegramChannel]:
    """The Telegram channel, which waits for an answer for 0.3 s."""
    bot = make_bot(DEFAULT_TOKEN, telegram_api, 4)
    hasty = AiohttpRequest(4, answer_s=0.3)
    bot._request = (bot._request[0], hasty)
    yield TelegramChannel(bot)
    await hasty.shutdown()


async def write(channel: TelegramChannel, chat_id: int = ANN, text: str = "hello", **options: Any) -> Outcome:
    return await channel.send(Outgoing(chat_id, text=text, **options))


async def texts(sandbox: SandboxClient, user: int = ANN) -> list[str]:
    return [message["text"] for message in await sandbox.received(user)]


async def test_sent_with_markup_and_buttons(channel: TelegramChannel, sandbox: SandboxClient) -> None:
    buttons = [[Button(text="Yes", callback_data="answer:yes:1"), Button(text="Site", url="https://t.me/x")]]
    outcome = await write(channel, text="<b>1 &lt; 2</b>", buttons=buttons)
    received = (await sandbox.received(ANN))[-1]
    assert (outcome.result, outcome.telegram_message_id) == (Result.sent, received["message_id"])
    assert received["text"] == "1 < 2"
    assert [button.get("callback_data") or button.get("url") for button in received["buttons"]] == [
        "answer:yes:1",
        "https://t.me/x",
    ]


async def test_refusals_name_what_is_wrong_and_what_it_says_of_the_member(
    channel: TelegramChannel, sandbox: SandboxClient
) -> None:
    async def refused(chat_id: int, text: str = "hello") -> tuple[Result, str | None, str | None]:
        outcome = await write(channel, chat_id, text)
        return outcome.result, outcome.reason, outcome.dm

    assert await refused(BOB) == (Result.refused, "not_opened", "none")
    assert await refused(999_999) == (Result.refused, "chat_not_found", "none")
    assert await refused(-999_999) == (Result.refused, "chat_not_found", "none")
    assert await refused(ANN, "<b>open") == (Result.refused, "bad_markup", None)
    assert await refused(ANN, "x" * 4097) == (Result.refused, "too_long", None)
    group = await sandbox.create_group("Club", owner=ANN)
    await sandbox.kick_bot(ANN, group)
    assert await refused(group) == (Result.refused, "bot_was_kicked", None)
    await sandbox.block(ANN)
    assert await refused(ANN) == (Result.refused, "blocked", "blocked")
    await sandbox.delete_account(ANN)
    assert await refused(ANN) == (Result.refused, "deactivated", "gone")


async def test_a_migrated_group_names_its_new_chat(channel: TelegramChannel, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Club", kind="group", owner=ANN)
    new = await sandbox.migrate(ANN, group)
    outcome = await write(channel, group)
    assert (outcome.result, outcome.new_chat_id) == (Result.moved, new)
    assert (await write(channel, new)).result is Result.sent


async def test_too_many_requests_is_provably_not_sent(channel: TelegramChannel, sandbox: SandboxClient) -> None:
    await sandbox.add_fault("too_many", retry_after=7, times=1)
    outcome = await write(channel)
    assert (outcome.result, outcome.retry_after_s, outcome.flooded) == (Result.later, 7.0, True)
    assert await texts(sandbox) == []


@pytest.mark.parametrize(
    ("fault", "arrives"),
    [
        ({"kind": "status", "status": 502}, False),
        ({"kind": "status", "status": 500, "after_effect": True}, True),
        ({"kind": "drop_after_accept"}, True),
        ({"kind": "reset"}, False),
        ({"kind": "latency", "latency_ms": 600}, True),
    ],
    ids=lambda value: str(value.get("kind")) if isinstance(value, dict) else "",
)
async def test_a_lost_answer_is_unknown(
    channel: TelegramChannel, sandbox: SandboxClient, fault: dict[str, Any], arrives: bool
) -> None:
    await sandbox.add_fault(**fault, method="sendMessage", times=1)
    assert (await write(channel)).result is Result.unknown
    async with asyncio.timeout(5):
        while arrives and not await texts(sandbox):
            await asyncio.sleep(0.02)
    assert await texts(sandbox) == (["hello"] if arrives else [])
    assert (await write(channel)).result is Result.sent


async def test_no_server_at_all_is_provably_not_sent() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        bot = make_bot(DEFAULT_TOKEN, f"http://127.0.0.1:{port}", 2)
        outcome = await write(TelegramChannel(bot))
        await bot._request[1].shutdown()
    assert (outcome.result, outcome.reason) == (Result.later, "not_connected")
    assert outcome.retry_after_s


async def test_a_wrong_token_is_not_the_messages_fault(telegram_api: str, sandbox: SandboxClient) -> None:
    bot = make_bot("1:wrong", telegram_api, 2)
    outcome = await write(TelegramChannel(bot))
    await bot._request[1].shutdown()
    assert (outcome.result, outcome.reason) == (Result.later, "token_refused")


async def test_other_methods_repeated_after_a_lost_answer_are_done(
    channel: TelegramChannel, sandbox: SandboxClient
) -> None:
    number = (await write(channel)).telegram_message_id
    delete = Outgoing(ANN, method="deleteMessage", parameters={"message_id": number})
    assert (await channel.send(delete)).result is Result.sent
    assert (await channel.send(delete)) == Outcome(Result.sent, "already_done")


# What the outbox makes of an outcome.


async def settle(conn: Connection, outcome: Outcome, *, attempts: int = 1, **columns: Any) -> dict[str, Any]:
    number = await put(conn, state="sending", attempts=attempts, sent_at=NOON, **columns)
    await Recorder(BOT_ID).record(conn, [Delivered(await message(conn, number), outcome)])
    return await message(conn, number)


async def test_in_doubt_marketing_is_parked_and_the_rest_goes_again_under_the_same_number(conn: Connection) -> None:
    doubt = Outcome(Result.unknown, "timed_out")
    parked = await settle(conn, doubt, promotional=True)
    assert (parked["state"], parked["reason"], parked["sent_at"]) == ("uncertain", "timed_out", NOON)
    again = await settle(conn, doubt)
    assert (again["state"], again["sent_at"], again["attempts"]) == ("waiting", None, 1)
    assert again["not_before_wall"] is not None


async def test_a_refusal_fails_the_message_and_tells_of_the_member(conn: Connection, member: MakeMember) -> None:
    for dm in ("none", "blocked", "gone"):
        who = await member()
        row = await settle(conn, Outcome(Result.refused, dm, dm=dm), member_id=who, promotional=True)
        assert (row["state"], row["reason"], row["sent_at"]) == ("failed", dm, None), "not counted by the cap"
        assert (await one(await conn.execute("SELECT dm FROM members WHERE id = %s", [who])))["dm"] == dm
        await settle(conn, Outcome(Result.refused, dm, dm=dm), member_id=who)
        kinds = await (await conn.execute("SELECT kind FROM v_events WHERE member_id = %s", [who])).fetchall()
        assert [row["kind"] for row in kinds] == ([] if dm == "none" else [dm]), "recorded once, as what Telegram says"


async def test_a_reason_that_postgresql_cannot_hold_is_kept_without_the_rest(conn: Connection) -> None:
    row = await settle(conn, Outcome(Result.refused, "bad\0 \ud800request"))
    assert (row["state"], row["reason"]) == ("failed", "bad request")


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [(Outcome(Result.unknown, "timed_out"), [1, 8, 300]), (Outcome(Result.later, "not_connected"), [1, 8, 30])],
)
async def test_what_must_go_again_waits_longer_each_time(
    conn: Connection, outcome: Outcome, expected: list[int]
) -> None:
    waits = []
    for attempts in (1, 4, 19):
        row = await settle(conn, outcome, attempts=attempts)
        now = await one(await conn.execute("SELECT clock_timestamp() AS at"))
        waits.append(round((row["not_before_wall"] - now["at"]).total_seconds()))
    assert waits == expected


async def test_only_what_may_have_arrived_each_time_is_given_up(conn: Connection) -> None:
    given_up = await settle(conn, Outcome(Result.unknown, "timed_out"), attempts=20)
    assert (given_up["state"], given_up["reason"]) == ("failed", "gave_up: timed_out")
    kept = await settle(conn, Outcome(Result.later, "not_connected"), attempts=32_767)
    assert kept["state"] == "waiting"


async def test_a_moved_chat_takes_all_that_waits_with_it(conn: Connection) -> None:
    other = await put(conn, chat_id=-5)
    row = await settle(conn, Outcome(Result.moved, "migrated", new_chat_id=-1005), chat_id=-5)
    assert (row["state"], row["chat_id"]) == ("waiting", -1005)
    assert (await message(conn, other))["chat_id"] == -1005


async def test_one_flooded_chat_pauses_and_two_at_once_pause_the_bot(conn: Connection, bundle: Any) -> None:
    flood = Outcome(Result.later, "too_many_requests", retry_after_s=30.0, flooded=True)
    recorder = Recorder(BOT_ID)

    async def flooded(chat_id: int) -> None:
        number = await put(conn, state="sending", attempts=1, chat_id=chat_id)
        await recorder.record(conn, [Delivered(await message(conn, number), flood)])

    async def frozen() -> bool:
        row = await one(await conn.execute("SELECT frozen_until_wall > clock_timestamp() AS frozen FROM budgets"))
        return bool(row["frozen"])

    await flooded(1)
    await flooded(1)
    assert not await frozen()
    pace = await one(
        await conn.execute("SELECT next_wall - clock_timestamp() AS wait FROM chat_paces WHERE chat_id = 1")
    )
    assert 25 < pace["wait"].total_seconds() <= 30
    await flooded(2)
    assert await frozen()


async def test_a_lifetime_brings_the_deletion(conn: Connection) -> None:
    sent = await settle(conn, Outcome(Result.sent, telegram_message_id=77), delete_after_s=600, chat_id=-5)
    row = await one(await conn.execute("SELECT * FROM messages WHERE method = 'deleteMessage'"))
    assert (row["chat_id"], row["context"], row["exempt"]) == (-5, {"message_id": 77}, True)
    assert (row["due_at"] - sent["sent_at"]).total_seconds() == 600
    refused = await settle(conn, Outcome(Result.refused, "x"), delete_after_s=600)
    assert refused["state"] == "failed"
    await one(await conn.execute("SELECT 1 FROM messages WHERE method = 'deleteMessage'"))
