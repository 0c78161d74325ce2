"""Row `updates`: updates a second that the webhook stores durably before it answers 200.

Messages of a group from 1,000 people, 32 deliveries at a time, over HTTP to the gateway of the always-on service, which
handles them meanwhile. All must be in the table, once. The reference is the bare statement: one row and its commit at a
time on as many connections as the gateway has, without HTTP.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

import aiohttp
from psycopg.types.json import Jsonb

from community.database.pool import connect, open_pool
from community.gateway.webhook import SECRET_HEADER
from community.sandbox.client import SandboxClient
from tests.benchmarks.harness import Row, count, database, free_port, sandbox
from tests.benchmarks.service import SERVICE, club

UPDATES, PEOPLE, AT_ONCE = 15_000, 1_000, 32
FIRST_UPDATE, GROUP = 2_000_000_000, -1_009_000
BARE_CONNECTIONS = 8
STORED = f"SELECT count(*) FROM updates WHERE payload['message']['chat']['id'] = '{GROUP}'"


async def run() -> Row:
    """Measure the gateway, then the bare statement."""
    port = free_port()
    with database() as url:
        async with sandbox("--token", SERVICE.token) as api, SandboxClient(api) as client:
            settings = {"SOP_GATEWAY_PORT": str(port)}
            async with club(url, api, client, **settings), await connect(url) as conn:
                ours = await _ours(port)
                stored = await count(conn, STORED)
                waiting = await count(conn, "SELECT count(*) FROM updates WHERE state = 'pending'")
        bare = await _bare(url)
    details: dict[str, float | int | str] = {
        "stored": f"{stored:,} of {UPDATES:,}",
        "not handled yet at the end": waiting,
        "load average": f"{os.getloadavg()[0]:.1f}",
    }
    passed = ours >= 500 and stored == UPDATES
    return Row("updates", ours, "updates/s", {"bare INSERT": bare}, ours / bare, "≥ 500/s", passed, details)


async def _ours(port: int) -> float:
    address = f"http://127.0.0.1:{port}/telegram/{SERVICE.bot_id}"
    headers = {SECRET_HEADER: SERVICE.derived_secret("webhook")}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=AT_ONCE)) as http:

        async def deliver(number: int) -> None:
            async with http.post(address, json=_update(number)) as answer:
                answer.raise_for_status()

        return await _rate(deliver, AT_ONCE)


def _update(number: int) -> dict[str, object]:
    """A group message as Telegram delivers it."""
    person = {"id": 1_000_000 + number % PEOPLE, "is_bot": False, "first_name": "User", "language_code": "en"}
    chat = {"id": GROUP, "type": "supergroup", "title": "Club"}
    message = {"message_id": number, "date": int(time.time()), "chat": chat, "from": person, "text": "Good morning"}
    return {"update_id": FIRST_UPDATE + number, "message": message}


async def _bare(url: str) -> float:
    pool = await open_pool(url, BARE_CONNECTIONS)
    statement = (
        "INSERT INTO updates (bot_id, update_id, user_key, kind, payload, received_wall)"
        " VALUES (1, %s, 1, 'message', %s, clock_timestamp())"
    )

    async def insert(number: int) -> None:
        async with pool.connection() as conn:
            await conn.execute(statement, [number, Jsonb(_update(number))])

    try:
        return await _rate(insert, BARE_CONNECTIONS)
    finally:
        await pool.close()


async def _rate(act: Callable[[int], Awaitable[None]], at_once: int) -> float:
    numbers = iter(range(UPDATES))

    async def worker() -> None:
        for number in numbers:
            await act(number)

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(at_once)))
    return UPDATES / (time.perf_counter() - started)
