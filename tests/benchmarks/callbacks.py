"""Rows `callbacks-stored` and `forged`: the gateway takes callbacks, over real HTTP, with commits as safe as in use.

`callbacks-stored`: 300 calls a second for 20 s, each answered after its event is on disk, of which p99 is; then 64
connections call as fast as they are answered, which is the figure. The reference is the same over an endpoint that
answers at once. `forged`: callbacks that must not be believed, of each
provider; all are refused, and no row of any table is another than before.
"""

import asyncio
import gzip
import random
import socket
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiohttp
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from community.database.pool import Connection, connect, open_pool
from community.database.wakeup import Wakeup
from community.gateway.app import create_gateway
from community.gateway.server import http_config
from community.settings import Mode, Settings
from tests.benchmarks.harness import Row, count, database, install
from tests.benchmarks.service import evenly
from tests.benchmarks.shop import SECRET, body, call, paid, signed
from tests.benchmarks.stripes import STRIPE_SECRET, signed_stripe, stripe_body

PER_SECOND, SECONDS = 300, 20
CALLS, CONNECTIONS = 20_000, 64
FORGED = 5_000
TOO_LARGE = 1_100_000
Forged = tuple[str, str, bytes, dict[str, str]]
"""What is wrong with it, the provider, body and headers."""


async def run() -> Row:
    """Row `callbacks-stored`."""
    with database() as url:
        await install(url, rate=None)
        async with _gateway(url) as address:
            waited = await _steadily(address)
            took = await _storm(address)
        async with await connect(url) as conn:
            stored = await count(conn, "SELECT count(*) FROM provider_events")
        async with _bare() as address:
            bare = await _storm(address)
    p99 = statistics.quantiles(waited, n=100)[98]
    passed = CALLS / took >= PER_SECOND and p99 < 0.1 and stored == CALLS + len(waited)
    details: dict[str, float | int | str] = {"p99, ms": round(p99 * 1e3, 1), "stored": stored}
    target = "≥ 300/s, p99 < 100 ms"
    reference = {"answered at once, calls/s": CALLS / bare}
    return Row("callbacks-stored", CALLS / took, "calls/s", reference, bare / took, target, passed, details)


async def run_forged() -> Row:
    """Row `forged`."""
    dice = random.Random(11)
    with database() as url:
        await install(url, rate=None)
        async with _gateway(url) as address, aiohttp.ClientSession() as http, await connect(url) as conn:
            before = await _contents(conn)
            answers = await _send_forged(http, address, dice)
            after = await _contents(conn)
    believed = sum(number for (_, status), number in answers.items() if status < 400 or status >= 500)
    changed = [table for table in before if before[table] != after[table]]
    details: dict[str, float | int | str] = {f"{what}: {status}": n for (what, status), n in sorted(answers.items())}
    details["tables changed"] = ", ".join(changed) or "none"
    passed = not believed and not changed
    return Row("forged", float(believed), "believed", {"sent": FORGED}, None, "0, and no row changed", passed, details)


@asynccontextmanager
async def _gateway(url: str) -> AsyncIterator[str]:
    settings = Settings(
        _env_file=None, mode=Mode.sandbox, ime_secrets=f"bench:{SECRET}", stripe_webhook_secrets=STRIPE_SECRET
    )
    pool = await open_pool(url, 8)
    try:
        async with _serving(create_gateway(pool, settings, Wakeup(url), lambda: "bench_bot")) as address:
            yield address
    finally:
        await pool.close()


@asynccontextmanager
async def _bare() -> AsyncIterator[str]:
    async def answer(request: Request) -> JSONResponse:
        await request.body()
        return JSONResponse({"ok": True})

    async with _serving(Starlette(routes=[Route("/payments/ime", answer, methods=["POST"])])) as address:
        yield address


@asynccontextmanager
async def _serving(app: Starlette) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        server = uvicorn.Server(http_config(app))
        task = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


async def _steadily(address: str) -> list[float]:
    """Seconds of each call, at an even pace."""
    waited: list[float] = []
    async with aiohttp.ClientSession() as http:

        async def one(number: int) -> None:
            began = time.perf_counter()
            await _call(http, address, number)
            waited.append(time.perf_counter() - began)

        await evenly(range(CALLS, CALLS + PER_SECOND * SECONDS), PER_SECOND, one)
    return waited


async def _storm(address: str) -> float:
    """Seconds of all calls, as fast as they are answered."""
    numbers = iter(range(CALLS))

    async def caller(http: aiohttp.ClientSession) -> None:
        for number in numbers:
            await _call(http, address, number)

    began = time.perf_counter()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as http:
        await asyncio.gather(*[caller(http) for _ in range(CONNECTIONS)])
    return time.perf_counter() - began


async def _call(http: aiohttp.ClientSession, address: str, number: int) -> None:
    content = paid(1, number)
    assert await call(http, address, content, signed(content)) == 200


async def _contents(conn: Connection) -> dict[str, str]:
    """A fingerprint of every table."""
    tables = await (
        await conn.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    ).fetchall()
    found = {}
    for table in sorted(row["relname"] for row in tables):
        query = f"SELECT count(*) || ':' || coalesce(sum(hashtextextended(t::text, 0)), 0) AS n FROM \"{table}\" t"
        row = await (await conn.execute(query)).fetchone()
        assert row is not None
        found[table] = str(row["n"])
    return found


async def _send_forged(http: aiohttp.ClientSession, address: str, dice: random.Random) -> Counter[tuple[str, int]]:
    answers: Counter[tuple[str, int]] = Counter()
    kinds = _forged(dice)
    for _ in range(FORGED):
        what, provider, content, headers = next(kinds)
        async with http.post(f"{address}/payments/{provider}", data=content, headers=headers) as answer:
            answers[f"{provider} {what}", answer.status] += 1
    return answers


def _forged(dice: random.Random) -> Iterator[Forged]:
    """Of each kind in turn, without end."""
    number = 0
    while True:
        number += 1
        ime, stripe = paid(dice.randrange(10**9), number), stripe_body(number)
        yield from _ime(ime, dice)
        yield from _stripe(stripe, dice)


def _ime(content: bytes, dice: random.Random) -> Iterator[Forged]:
    right = signed(content)
    yield "unsigned", "ime", content, {}
    yield "wrong key", "ime", content, signed(content, secret="another")
    yield "replayed", "ime", content, signed(content, at=time.time() - dice.uniform(301, 10**6))
    yield "future", "ime", content, signed(content, at=time.time() + dice.uniform(305, 10**6))
    yield "truncated", "ime", content[: dice.randrange(len(content))], right
    yield "changed", "ime", _changed(content, dice), right
    yield "other time", "ime", content, right | {"X-iMe-Timestamp": str(int(time.time()) + 1)}
    yield "cut signature", "ime", content, {**right, "X-iMe-Signature": right["X-iMe-Signature"][:-2]}
    yield "oversized", "ime", b" " * TOO_LARGE if dice.random() < 0.05 else b"", right
    yield "packed", "ime", gzip.compress(content), {**right, "Content-Encoding": "gzip"}
    yield "no charge", "ime", *_signed_nonsense(content)


def _signed_nonsense(content: bytes) -> tuple[bytes, dict[str, str]]:
    """Signed by the right key, but no callback."""
    nonsense = body("evt", "payment.paid", "x", currency="not a currency") if len(content) % 2 else b"[1, 2"
    return nonsense, signed(nonsense)


def _stripe(content: bytes, dice: random.Random) -> Iterator[Forged]:
    now = int(time.time())
    right = signed_stripe(content, now)
    yield "unsigned", "stripe", content, {}
    yield "wrong key", "stripe", content, signed_stripe(content, now, secret="whsec_another")
    yield "replayed", "stripe", content, signed_stripe(content, now - dice.randrange(301, 10**6))
    yield "future", "stripe", content, signed_stripe(content, now + dice.randrange(305, 10**6))
    yield "truncated", "stripe", content[: dice.randrange(len(content))], right
    yield "changed", "stripe", _changed(content, dice), right
    live = content.replace(b'"livemode":false', b'"livemode":true')
    yield "other mode", "stripe", live, signed_stripe(live, now)


def _changed(content: bytes, dice: random.Random) -> bytes:
    """One bit is another."""
    place = dice.randrange(len(content))
    return content[:place] + bytes([content[place] ^ (1 << dice.randrange(8))]) + content[place + 1 :]
