"""Row `delivery`: 20,000 messages through the whole path, beside bare loops that only call Telegram.

60 ms simulated latency, no limits, one process: claim, render, send, record against a PostgreSQL that syncs its
commits. The references send the same rendered message, keyboard included, to the same sandbox in the same run, without
database or rendering: PTB's `send_message` over the project's transport, over its own, and aiogram's.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from aiogram import Bot as AiogramBot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import InlineKeyboardButton as AiogramButton, InlineKeyboardMarkup as AiogramMarkup
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.request import HTTPXRequest

from community.bundle import load_bundle
from community.channels.channel import Outgoing
from community.channels.telegram import make_bot
from community.database.pool import Connection, connect
from community.outbox.bundles import Bundles
from community.outbox.compose import Composer
from community.sandbox.client import SandboxClient
from tests.benchmarks.harness import BOT_ID, NOON, ROOT, TOKEN, Row, database, delivering, install, open_chats, sandbox

MESSAGES = 20_000
LATENCY_MS = 60
CONNECTIONS = 256
HTTPX_CONNECTIONS = 32
"""Where PTB's own transport is fastest: with more its pool slows down."""
FIRST_USER = 1_000_000
TEMPLATE = "welcome_drip/day_1"


async def run() -> Row:
    """Measure ours, then the references."""
    with database() as url:
        async with sandbox("--journal-limit", "1000") as api:
            await open_chats(api, FIRST_USER, MESSAGES)
            await _latency(api)
            ours = await _ours(url, api)
            same = _rendered()
            bare = await _bare(make_bot(TOKEN, api, CONNECTIONS), same, CONNECTIONS, MESSAGES)
            default = await _bare(_ptb_default(api), same, HTTPX_CONNECTIONS, MESSAGES // 5)
            aiogram = await _aiogram(api, same)
    reference = {"PTB over aiohttp, bare loop": bare, "PTB's own transport": default, "aiogram, bare loop": aiogram}
    ratio = ours / bare
    passed = ours >= 1500 and ratio >= 0.7
    return Row("delivery", ours, "msg/s", reference, ratio, "≥ 1,500 msg/s and ≥ 0.7 × bare PTB", passed)


def _rendered() -> Outgoing:
    """The message that ours sends, once."""
    names = {"first_name": "User", "last_name": "", "username": None, "locale": None, "group_title": None}
    row = {"id": 1, "chat_id": FIRST_USER, "template": TEMPLATE, "context": {}, **names}
    composer = Composer(Bundles(), bot_id=BOT_ID, username="bench_bot", links_url="http://127.0.0.1:1", link_secret="x")
    return composer.fill(load_bundle(ROOT / "templates"), row, {})


async def _latency(api: str) -> None:
    client = SandboxClient(api)
    await client.set_latency(LATENCY_MS)
    await client.close()


async def _ours(url: str, api: str) -> float:
    bundle = await install(url, rate=None)
    conn = await connect(url)
    async with conn, delivering(url, api, "bench", CONNECTIONS) as (delivery, _):
        await _fill(conn, bundle.hash)
        started = time.perf_counter()
        running = asyncio.create_task(delivery.run())
        while await _unsent(conn):
            await asyncio.sleep(0.1)
        took = time.perf_counter() - started
        delivery.stop()
        await running
    return MESSAGES / took


async def _fill(conn: Connection, bundle_hash: str) -> None:
    """Members of a group, each with one drip message due."""
    await conn.execute(
        "INSERT INTO members (telegram_id, first_name, dm, first_seen_at, entered_at)"
        " SELECT %s + i, 'User ' || i, 'open', %s, %s FROM generate_series(0, %s) AS i",
        [FIRST_USER, NOON, NOON, MESSAGES - 1],
    )
    await conn.execute(
        "INSERT INTO messages (bot_id, member_id, chat_id, lane, stage, step, occurrence, promotional, template,"
        " bundle, planned_at, due_at) SELECT %s, id, telegram_id, 35, 'welcome_drip', 'day_1', 'bench', true,"
        " 'welcome_drip/day_1', %s, %s, %s FROM members",
        [BOT_ID, bundle_hash, NOON, NOON],
    )
    await conn.execute("VACUUM ANALYZE members, messages")


async def _unsent(conn: Connection) -> bool:
    statement = "SELECT EXISTS (SELECT FROM messages WHERE state IN ('waiting', 'sending')) AS some"
    return (await (await conn.execute(statement)).fetchone()) == {"some": True}


async def _bare(bot: Bot, message: Outgoing, connections: int, messages: int) -> float:
    markup = InlineKeyboardMarkup(
        [[InlineKeyboardButton(**asdict(button)) for button in row] for row in message.buttons]
    )

    async def send(number: int) -> None:
        await bot.send_message(FIRST_USER + number, message.text, parse_mode="HTML", reply_markup=markup)

    async with bot:
        return await _rate(send, connections, messages)


def _ptb_default(api: str) -> Bot:
    return Bot(TOKEN, base_url=f"{api}/bot", request=HTTPXRequest(connection_pool_size=HTTPX_CONNECTIONS))


async def _aiogram(api: str, message: Outgoing) -> float:
    session = AiohttpSession(api=TelegramAPIServer.from_base(api), limit=CONNECTIONS)
    bot = AiogramBot(TOKEN, session=session)
    rows = [[AiogramButton(**asdict(button)) for button in row] for row in message.buttons]
    markup = AiogramMarkup(inline_keyboard=rows)

    async def send(number: int) -> None:
        await bot.send_message(FIRST_USER + number, message.text, parse_mode="HTML", reply_markup=markup)

    try:
        return await _rate(send, CONNECTIONS, MESSAGES)
    finally:
        await bot.session.close()


async def _rate(send: Callable[[int], Awaitable[None]], connections: int, messages: int) -> float:
    """Messages a second, `connections` at a time."""
    numbers = iter(range(messages))

    async def worker() -> None:
        for number in numbers:
            await send(number)

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(connections)))
    return messages / (time.perf_counter() - started)
