"""The delivery loop: renders, sends, records; survives what goes away; finishes what is on its way."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from community.bundle import Bundle
from community.channels.channel import Channel, Outcome, Outgoing, Result
from community.channels.memory import MemoryChannel
from community.channels.telegram import TelegramChannel, make_bot
from community.database.embedded import EmbeddedPostgres
from community.database.installation import set_virtual_now
from community.database.pool import Connection, Pool
from community.outbox.bundles import Bundles, publish
from community.outbox.claim import ensure_budget
from community.outbox.compose import Composer
from community.outbox.delivery import Delivery
from community.outbox.halt import halt
from community.sandbox.app import create_app
from community.sandbox.client import SandboxClient
from community.sandbox.server import bind, server
from community.sandbox.world import Options
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.rows import message, one, put, put_many, state, states

TOKEN = f"{BOT_ID}:test-token"


@pytest.fixture(autouse=True)
async def noon(conn: Connection, bundle: Bundle) -> None:
    await set_virtual_now(conn, NOON)


def make(pool: Pool, channel: Channel, connections: int = 8, process: str = "one") -> Delivery:
    bundles = Bundles()
    composer = Composer(bundles, bot_id=BOT_ID, username="club_bot", links_url="https://x.test", link_secret="s")
    return Delivery(pool, channel, bundles, composer, process=process, connections=connections)


@asynccontextmanager
async def delivering(*deliveries: Delivery) -> AsyncIterator[None]:
    running = [asyncio.create_task(delivery.run()) for delivery in deliveries]
    try:
        yield
    finally:
        for delivery in deliveries:
            delivery.stop()
        async with asyncio.timeout(15):
            await asyncio.gather(*running)


async def until(conn: Connection, **expected: int) -> None:
    """Wait until the outbox is exactly this."""
    async with asyncio.timeout(20):
        while await states(conn) != expected:
            await asyncio.sleep(0.02)


class Gate:
    """A channel that lets nothing through until opened."""

    def __init__(self) -> None:
        self.arrived, self.opened = asyncio.Event(), asyncio.Event()
        self.sent: list[Outgoing] = []

    async def send(self, message: Outgoing) -> Outcome:
        self.arrived.set()
        await self.opened.wait()
        self.sent.append(message)
        return Outcome(Result.sent, telegram_message_id=1)


async def test_a_message_is_rendered_in_the_members_language_sent_and_recorded(
    pool: Pool, conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(first_name="A<b>", locale="en")
    number = await put(conn, member_id=who, chat_id=10001, template="welcome_drip/day_1", bundle=bundle.hash)
    channel = MemoryChannel()
    async with delivering(make(pool, channel)):
        await until(conn, sent=1)
    sent = channel.sent[0]
    assert "A&lt;b&gt;, will you send them today?" in sent.text
    assert sent.buttons[0][0].callback_data == f"answer:day_1_will_try:{number}"
    row = await message(conn, number)
    assert (row["telegram_message_id"], row["sent_at"], row["claimed_by"]) == (1, NOON, "one")


async def test_other_methods_are_passed_on_as_they_are(pool: Pool, conn: Connection) -> None:
    await put(conn, chat_id=-5, method="deleteMessage", context={"message_id": 9})
    channel = MemoryChannel()
    async with delivering(make(pool, channel)):
        await until(conn, sent=1)
    assert (channel.sent[0].method, channel.sent[0].parameters) == ("deleteMessage", {"message_id": 9})


async def test_a_message_keeps_the_copy_it_was_planned_with(pool: Pool, conn: Connection, bundle: Bundle) -> None:
    copy = {locale: {**files, "bot/help": "New words"} for locale, files in bundle.copy.items()}
    new = Bundle(bundle.source, copy)
    old_one = await put(conn, chat_id=1, template="bot/help", bundle=bundle.hash, context={"locale": "en"})
    await publish(conn, new, "new words")
    await put(conn, chat_id=2, template="bot/help", bundle=new.hash, context={"locale": "en"})
    channel = MemoryChannel()
    async with delivering(make(pool, channel)):
        await until(conn, sent=2)
    texts = {message.chat_id: message.text for message in channel.sent}
    assert "What I understand" in texts[1]
    assert texts[2] == "New words"
    assert (await message(conn, old_one))["bundle"] == bundle.hash


async def test_what_cannot_be_rendered_fails_with_its_reason_and_stops_nothing(
    pool: Pool, conn: Connection, bundle: Bundle
) -> None:
    no_copy = await put(conn, template="bot/nothing", bundle=bundle.hash)
    undefined = await put(conn, template="gate/wrong", bundle=bundle.hash)
    no_bundle = await put(conn, template="bot/help", bundle="0" * 64)
    unpinned = await put(conn, template="bot/help", bundle=None)
    good = await put(conn, template="bot/help", bundle=bundle.hash)
    async with delivering(make(pool, MemoryChannel())):
        await until(conn, sent=1, failed=4)
    assert (await state(conn, good))[0] == "sent"
    for number, fragment in (
        (no_copy, "bot/nothing"),
        (undefined, "attempts_left"),
        (no_bundle, "0000"),
        (unpinned, ""),
    ):
        reason = (await state(conn, number))[1] or ""
        assert reason.startswith("not_rendered: ")
        assert fragment in reason


async def test_a_channel_that_breaks_leaves_marketing_in_doubt_and_stops_nothing(pool: Pool, conn: Connection) -> None:
    def answer(outgoing: Outgoing) -> Outcome:
        if outgoing.chat_id == 1:
            raise ValueError("a bug")
        return Outcome(Result.sent)

    bad = await put(conn, chat_id=1, promotional=True)
    await put(conn, chat_id=2)
    async with delivering(make(pool, MemoryChannel(answer))):
        await until(conn, sent=1, uncertain=1)
    assert await state(conn, bad) == ("uncertain", "crashed: ValueError")


async def test_an_outcome_that_cannot_be_recorded_holds_up_no_other(pool: Pool, conn: Connection) -> None:
    class Huge:
        async def send(self, message: Outgoing) -> Outcome:
            return Outcome(Result.sent, telegram_message_id=2**70 if message.chat_id == 900_003 else 1)

    await put_many(conn, 6)
    async with delivering(make(pool, Huge())):
        await until(conn, sent=5, sending=1)  # that one is in doubt until its lease runs out


async def test_stop_finishes_what_is_on_its_way_and_claims_nothing_more(pool: Pool, conn: Connection) -> None:
    await put_many(conn, 20)
    gate = Gate()
    delivery = make(pool, gate, connections=4)
    running = asyncio.create_task(delivery.run())
    await asyncio.wait_for(gate.arrived.wait(), 10)
    await until(conn, sending=4, waiting=16)
    delivery.stop()
    gate.opened.set()
    await asyncio.wait_for(running, 10)
    assert await states(conn) == {"sent": 4, "waiting": 16}


async def test_stop_does_not_wait_for_a_frozen_bot(pool: Pool, conn: Connection) -> None:
    await conn.execute("UPDATE budgets SET frozen_until_wall = clock_timestamp() + interval '1 hour'")
    await put(conn)
    async with delivering(make(pool, MemoryChannel())):
        await asyncio.sleep(0.1)  # the loop has asked and was told to wait
    assert await states(conn) == {"waiting": 1}


async def test_no_more_in_flight_than_connections(pool: Pool, conn: Connection) -> None:
    await put_many(conn, 40)
    flying = most = 0

    class Counting:
        async def send(self, message: Outgoing) -> Outcome:
            nonlocal flying, most
            flying += 1
            most = max(most, flying)
            await asyncio.sleep(0.005)
            flying -= 1
            return Outcome(Result.sent)

    async with delivering(make(pool, Counting(), connections=3)):
        await until(conn, sent=40)
    assert most == 3


async def test_a_wake_up_beats_the_poll(pool: Pool, conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("community.outbox.delivery.POLL_S", 60.0)
    await put(conn)
    delivery = make(pool, MemoryChannel())
    async with delivering(delivery):
        await until(conn, sent=1)
        await put(conn)
        delivery.wake()
        await until(conn, sent=2)


async def test_without_a_wake_up_the_poll_finds_it_within_a_second_or_two(pool: Pool, conn: Connection) -> None:
    async with delivering(make(pool, MemoryChannel())):
        await put(conn)
        await until(conn, sent=1)
        await asyncio.sleep(0.3)  # the loop has looked again, found nothing, and waits
        await put(conn)
        began = time.monotonic()
        await until(conn, sent=2)
    assert time.monotonic() - began < 5


async def test_a_halt_stops_the_loop_within_a_second(pool: Pool, conn: Connection) -> None:
    async def slowly(message: Outgoing) -> Outcome:
        await asyncio.sleep(0.01)
        return Outcome(Result.sent)

    class Slow:
        send = staticmethod(slowly)

    await put_many(conn, 2000)
    async with delivering(make(pool, Slow(), connections=4)):
        while (await states(conn)).get("sent", 0) < 20:
            await asyncio.sleep(0.01)
        await halt(conn, "all")
        halted = time.monotonic()
        before, now = {"sending": 0}, await states(conn)
        while "sending" in now or now != before:  # a claim may have begun just before the halt
            await asyncio.sleep(0.1)
            before, now = now, await states(conn)
        assert time.monotonic() - halted < 1.2
    assert before["waiting"] > 0


async def test_the_database_goes_away_and_comes_back(
    postgres: EmbeddedPostgres, database_url: str, pool: Pool, conn: Connection
) -> None:
    """Every connection is cut again and again while messages are on their way; each is sent, and each once."""
    await put_many(conn, 60)
    slow = MemoryChannel()

    class Slow:
        async def send(self, message: Outgoing) -> Outcome:
            await asyncio.sleep(0.02)
            return await slow.send(message)

    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    async with delivering(make(pool, Slow(), connections=4)):
        async with await psycopg.AsyncConnection.connect(postgres.url("postgres"), autocommit=True) as admin:
            for _ in range(3):
                seen = len(slow.sent)
                while len(slow.sent) < seen + 5:
                    await asyncio.sleep(0.005)
                await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        async with await psycopg.AsyncConnection.connect(
            database_url, autocommit=True, row_factory=psycopg.rows.dict_row
        ) as fresh:
            async with asyncio.timeout(30):
                while (await states(fresh)).get("waiting"):
                    await asyncio.sleep(0.05)
    chats = [message.chat_id for message in slow.sent]
    assert sorted(chats) == sorted(set(chats))
    async with pool.connection() as again:
        final = await states(again)
    # A claim whose answer the cut swallowed is committed without its process knowing: its lease settles it.
    assert final.get("sent", 0) + final.get("sending", 0) == 60
    assert final["sent"] == len(chats)


# Over real HTTP.


@pytest.fixture
async def telegram_api() -> AsyncIterator[str]:
    listener = bind("127.0.0.1", 0)
    serving = server(create_app(Options(tokens=(TOKEN,))))
    task = asyncio.create_task(serving.serve([listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    serving.should_exit = True
    await task


async def test_two_processes_over_http_hold_the_rate_and_send_each_once(
    pool: Pool, conn: Connection, bundle: Bundle, telegram_api: str
) -> None:
    await ensure_budget(conn, BOT_ID, 30)
    numbers = range(900_000, 900_059)
    async with SandboxClient(telegram_api) as sandbox:
        await sandbox.create_users([{"id": number, "first_name": f"U{number}"} for number in numbers])
        await sandbox.act_all([{"do": "start", "user": number} for number in numbers])
        await put_many(conn, 59)
        await conn.execute("UPDATE messages SET template = 'bot/help', bundle = %s", [bundle.hash])
        async with make_bot(TOKEN, telegram_api, 8) as first, make_bot(TOKEN, telegram_api, 8) as second:
            loops = make(pool, TelegramChannel(first)), make(pool, TelegramChannel(second), process="two")
            async with delivering(*loops):
                await until(conn, sent=59)
        delivered = (await sandbox.delivered())["messages"]
        meter = await sandbox.meter(BOT_ID)
    assert len(delivered) == 59
    assert meter["too_many"] == 0
    assert meter["worst_second"] <= 31


async def test_blocked_over_http_marks_the_member(
    pool: Pool, conn: Connection, bundle: Bundle, member: MakeMember, telegram_api: str
) -> None:
    who = await member(telegram_id=77)
    number = await put(conn, member_id=who, chat_id=77, template="bot/help", bundle=bundle.hash)
    later = await put(conn, member_id=who, chat_id=77, template="bot/help", bundle=bundle.hash)
    async with SandboxClient(telegram_api) as sandbox:
        await sandbox.create_user(77)
        await sandbox.start(77)
        await sandbox.block(77)
        async with make_bot(TOKEN, telegram_api, 4) as bot, delivering(make(pool, TelegramChannel(bot))):
            await until(conn, failed=1, cancelled=1)
    assert await state(conn, number) == ("failed", "blocked")
    assert await state(conn, later) == ("cancelled", "blocked")
    assert (await one(await conn.execute("SELECT dm FROM members WHERE id = %s", [who])))["dm"] == "blocked"


async def test_transactional_in_doubt_arrives_again_with_the_same_number_and_marketing_does_not(
    pool: Pool, conn: Connection, bundle: Bundle, telegram_api: str
) -> None:
    copy: dict[str, Any] = {"template": "bot/help", "bundle": bundle.hash}
    receipt, marketing = await put(conn, chat_id=78, **copy), await put(conn, chat_id=79, promotional=True, **copy)
    async with SandboxClient(telegram_api) as sandbox:
        for user in (78, 79):
            await sandbox.create_user(user)
            await sandbox.start(user)
            await sandbox.add_fault("drop_after_accept", method="sendMessage", chat=user, times=1)
        async with make_bot(TOKEN, telegram_api, 4) as bot, delivering(make(pool, TelegramChannel(bot))):
            await until(conn, sent=1, uncertain=1)
        received = {user: await sandbox.received(user) for user in (78, 79)}
    assert (await state(conn, receipt))[0] == "sent"
    assert (await state(conn, marketing))[0] == "uncertain"
    carried: Callable[[dict[str, Any]], str] = lambda message: message["buttons"][0]["callback_data"]  # noqa: E731
    assert [carried(message) for message in received[78]] == [f"buy:{receipt}"] * 2
    assert len(received[79]) == 1
