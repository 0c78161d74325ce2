"""The whole line over HTTP: sandbox, polling, workers, gate, outbox, delivery."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import uvicorn
from prometheus_client import REGISTRY

from community.bot.inbox import ALLOWED_UPDATES
from community.bot.polling import Polling
from community.bot.service import BotService
from community.bundle import Bundle
from community.channels.telegram import TelegramChannel, make_bot
from community.database.pool import Connection, Pool
from community.database.wakeup import OUTBOX, Wakeup
from community.gateway.app import WEBHOOK, create_gateway
from community.groups.welcome import sweep_greetings
from community.members.links import LINKS
from community.outbox.bundles import Bundles, publish
from community.outbox.claim import ensure_budget
from community.outbox.compose import Composer
from community.outbox.delivery import Delivery
from community.sandbox.app import create_app
from community.sandbox.client import SandboxClient
from community.sandbox.server import bind, server
from community.sandbox.world import Options
from community.settings import Mode, Settings

OWNER, ANN, BEN = 1, 17, 18
HOSTILE = {"first_name": "<b>&\"'{{7*7}}", "last_name": "'; DROP TABLE members;--\u202e"}


@dataclass
class Live:
    """A running service against a running sandbox."""

    telegram: SandboxClient
    settings: Settings
    conn: Connection
    service: BotService
    club: int
    wakeup: Wakeup

    async def until(self, condition: Callable[[], Awaitable[Any]], seconds: float = 10) -> Any:
        """Wait for the condition to hold; returns what it returned."""
        async with asyncio.timeout(seconds):
            while not (found := await condition()):
                await asyncio.sleep(0.01)
        return found

    async def texts(self, who: int) -> list[str]:
        return [message["text"] for message in await self.telegram.received(who)]

    async def until_received(self, who: int, count: int) -> list[str]:
        async def enough() -> list[str] | None:
            texts = await self.texts(who)
            return texts if len(texts) >= count else None

        return await self.until(enough)  # type: ignore[no-any-return]

    async def door(self) -> str:
        """The bot's own join-request link of the group, once it has made it."""

        async def link() -> str | None:
            row = await (await self.conn.execute("SELECT invite_link FROM groups")).fetchone()
            return row["invite_link"] if row else None

        return await self.until(link)  # type: ignore[no-any-return]

    async def is_in_group(self, who: int) -> bool:
        query = "SELECT FROM memberships s JOIN members m ON m.id = s.member_id WHERE m.telegram_id = %s"
        return await (await self.conn.execute(query, [who])).fetchone() is not None


@pytest.fixture
async def telegram() -> AsyncIterator[tuple[SandboxClient, int]]:
    """A sandbox of the test's own, and its port."""
    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    serving = server(create_app(Options(tokens=("4202:sandbox-token",))))
    task = asyncio.create_task(serving.serve([listener]))
    client = SandboxClient(f"http://127.0.0.1:{port}")
    yield client, port
    await client.close()
    serving.should_exit = True
    await task


@pytest.fixture
async def live(
    telegram: tuple[SandboxClient, int], pool: Pool, conn: Connection, shipped: Bundle, database_url: str
) -> AsyncIterator[Live]:
    client, port = telegram
    settings = Settings(_env_file=None, mode=Mode.sandbox, sandbox_port=port, connections=16)
    await ensure_budget(conn, settings.bot_id, None)
    await publish(conn, shipped, "test")
    await client.create_users(
        [{"id": OWNER, "first_name": "Owner"}, {"id": ANN, **HOSTILE}, {"id": BEN, "first_name": "Ben"}]
    )
    wakeup, bundles = Wakeup(database_url), Bundles()
    async with make_bot(settings.token, settings.telegram_api, 16) as bot:
        secret = settings.lasting_secret(LINKS)
        composer = Composer(
            bundles, bot_id=settings.bot_id, username=bot.username, links_url=settings.links_url, link_secret=secret
        )
        delivery = Delivery(pool, TelegramChannel(bot), bundles, composer, process="test", connections=16)
        service = BotService(pool, settings, bundles, wakeup, bot)
        parts = [service.run(), wakeup.run(), delivery.run(), _wake(wakeup, delivery)]
        running = [asyncio.create_task(part) for part in parts]
        await service.polling.leading.wait()
        club = await client.create_group("Club", owner=OWNER, bots=[], username="the_club")
        await client.add_bot(OWNER, club, admin=True)
        yield Live(client, settings, conn, service, club, wakeup)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _wake(wakeup: Wakeup, delivery: Delivery) -> None:
    while True:
        await wakeup.wait(OUTBOX, 1)
        delivery.wake()


async def test_from_the_join_request_to_the_welcome_and_into_the_group(live: Live) -> None:
    door = await live.door()
    await live.telegram.request_join(ANN, door)
    question = (await live.until_received(ANN, 1))[0]
    assert "{{" in question, "the hostile name is shown as it is"
    assert "49" not in question
    await live.telegram.press(ANN, data=await _data(live, ANN, "gate:no"))
    await live.until_received(ANN, 2)
    await live.telegram.say(ANN, None, "7")
    await live.until_received(ANN, 3)

    async def approved() -> bool:
        return not await live.telegram.join_requests(live.club)

    await live.until(approved)
    welcome = (await live.telegram.received(ANN))[-1]
    buttons = [button for row in welcome["markup"]["inline_keyboard"] for button in row]
    assert len(buttons) == 4
    calls = [call["method"] for call in await live.telegram.journal()]
    last_message = len(calls) - 1 - calls[::-1].index("sendMessage")
    assert calls.index("approveChatJoinRequest") > last_message, "written to before approving"
    assert await live.is_in_group(ANN)

    async def all_handled() -> bool:
        query = "SELECT FROM updates WHERE state <> 'handled'"
        return await (await live.conn.execute(query)).fetchone() is None

    await live.until(all_handled)

    await live.telegram.press(ANN, data=buttons[2]["callback_data"])
    thanks = (await live.until_received(ANN, 4))[3]
    assert "24" in thanks
    row = await (await live.conn.execute("SELECT tag FROM member_tags")).fetchone()
    assert row == {"tag": "interest:logistics"}


async def _data(live: Live, who: int, starts: str) -> str:
    """Callback data of the button on the newest message that has one starting so."""
    for message in reversed(await live.telegram.received(who)):
        for row in (message["markup"] or {}).get("inline_keyboard", []):
            for button in row:
                if button.get("callback_data", "").startswith(starts):
                    return str(button["callback_data"])
    raise AssertionError(f"no button {starts}")


async def test_who_joins_by_a_plain_link_is_named_in_the_group_and_welcomed_at_start(live: Live) -> None:
    await live.door()
    await live.telegram.join(ANN, chat=live.club)

    async def joined() -> bool:
        return await live.is_in_group(ANN)

    await live.until(joined)
    bundle = await Bundles().current(live.conn)
    assert await sweep_greetings(live.conn, bundle, datetime.now(UTC), live.settings.bot_id) == 1
    live.wakeup.ring(OUTBOX)

    async def greeted() -> Any:
        history = await live.telegram.history(live.club)
        return next((message for message in history if message["markup"] and "👋 欢迎" in message["text"]), None)

    greeting = await live.until(greeted)
    assert HOSTILE["first_name"] in greeting["text"]
    assert await live.texts(ANN) == []
    pressed = await live.telegram.press(
        ANN, chat=live.club, message=greeting["message_id"], text=_first_button(greeting)
    )
    if not pressed.get("followed"):
        await live.telegram.start(ANN, payload="welcome")
    assert "📌" in (await live.until_received(ANN, 1))[0]


def _first_button(message: dict[str, Any]) -> str:
    return str(message["markup"]["inline_keyboard"][0][0]["text"])


async def test_a_tracked_start_leads_into_the_group(live: Live) -> None:
    door = await live.door()
    await live.telegram.start(BEN, payload="partner-a")
    await live.until_received(BEN, 1)
    message = (await live.telegram.received(BEN))[0]
    assert message["markup"]["inline_keyboard"][0][0]["url"] == door
    row = await (await live.conn.execute("SELECT link_token FROM members WHERE telegram_id = %s", [BEN])).fetchone()
    assert row == {"link_token": "partner-a"}


async def test_malformed_updates_over_the_wire_stop_nothing(live: Live) -> None:
    await live.door()
    malformed: list[dict[str, Any]] = [{"message": {"text": "x"}}, {"message": 5}, {"chat_member": {}}, {"nothing": 1}]
    for broken in [*malformed, {}, {"callback_query": []}]:
        await live.telegram.inject(broken)
    await live.telegram.start(BEN)
    await live.until_received(BEN, 1)


@pytest.fixture
async def second_poller(live: Live, pool: Pool, database_url: str) -> AsyncIterator[Polling]:
    """Another process that would poll for the same bot."""
    settings, wakeup = live.settings, Wakeup(database_url)
    poller = Polling(
        database_url, pool, wakeup, api=settings.telegram_api, token=settings.token, bot_id=settings.bot_id
    )
    standing_by = asyncio.create_task(poller.run())
    yield poller
    standing_by.cancel()
    await asyncio.gather(standing_by, return_exceptions=True)


async def test_two_pollers_and_a_leader_that_dies(live: Live, second_poller: Polling) -> None:
    await live.door()
    await live.telegram.start(BEN)
    await live.until_received(BEN, 1)
    assert not second_poller.leading.is_set()

    leaders = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    assert len(await (await live.conn.execute(leaders)).fetchall()) == 1
    before = len(await live.texts(BEN))
    await live.telegram.say(BEN, None, "help")
    await live.until_received(BEN, before + 1)
    counts = "SELECT count(*) AS texts FROM updates WHERE payload #>> '{message,text}' = 'help'"
    assert await (await live.conn.execute(counts)).fetchone() == {"texts": 1}


async def test_by_webhook_while_polling_is_refused(live: Live, pool: Pool) -> None:
    listener = bind("127.0.0.1", 0)
    app = create_gateway(pool, live.settings, live.wakeup, lambda: "the_bot")
    gateway = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(gateway.serve([listener]))
    conflicts = REGISTRY.get_sample_value("sop_polling_conflicts_total") or 0
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/telegram/{live.settings.bot_id}"
    secret = live.settings.derived_secret(WEBHOOK)
    async with make_bot(live.settings.token, live.settings.telegram_api, 2) as bot:
        await bot.set_webhook(url, secret_token=secret, allowed_updates=ALLOWED_UPDATES)
    await live.telegram.start(BEN)
    await live.until_received(BEN, 1)
    await live.telegram.wait_idle()

    async def refused() -> bool:
        return (REGISTRY.get_sample_value("sop_polling_conflicts_total") or 0) > conflicts

    await live.until(refused)
    assert len(await live.texts(BEN)) == 1
    gateway.should_exit = True
    await serving


async def test_join_request_to_first_message_is_quick(live: Live) -> None:
    """Well under the second that a person is willing to wait; the benchmark measures it under load."""
    door = await live.door()
    people = range(1000, 1020)
    await live.telegram.create_users([{"id": number, "first_name": f"P{number}"} for number in people])
    waits = []
    for number in people:
        asked = time.perf_counter()
        await live.telegram.request_join(number, door)
        await live.until_received(number, 1)
        waits.append(time.perf_counter() - asked)

    assert statistics.median(waits) < 0.5, waits
