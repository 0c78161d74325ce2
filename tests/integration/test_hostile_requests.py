"""The gateway against clients that are slow, endless, many or talk no HTTP; links that lead nowhere."""

import asyncio
import time
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings

from community.database.pool import Pool
from community.gateway import server
from community.gateway.bodies import MOST_BYTES
from community.gateway.webhook import SECRET_HEADER
from tests.hostile import TEXTS, texts
from tests.integration.telegram_kit import BOT_ID
from tests.integration.test_gateway import Gateway, gateway

__all__ = ["gateway"]

MANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
HUNG_UP = "sop_gateway_hung_up_total{%s}"


async def connect(gateway: Gateway) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))


async def talk(gateway: Gateway, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """Send the parts, pausing after each; what came until the gateway hung up."""
    reader, writer = await connect(gateway)
    answer = asyncio.create_task(reader.read())
    try:
        for part in parts:
            if answer.done():
                break
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        async with asyncio.timeout(10):
            return await answer
    except ConnectionError:
        return b""
    finally:
        answer.cancel()
        writer.close()


def post(gateway: Gateway, body: bytes, *, length: int | None = None, secret: str | None = None) -> bytes:
    said = len(body) if length is None else length
    head = f"POST /telegram/{BOT_ID} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {said}\r\n"
    return f"{head}{SECRET_HEADER}: {gateway.secret if secret is None else secret}\r\n\r\n".encode() + body


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests must come within 0.3 s."""
    monkeypatch.setattr(server, "REQUEST_S", 0.3)


async def test_the_slow_are_hung_up_on_and_hold_up_nobody(gateway: Gateway, impatient: None) -> None:
    before = await gateway.metrics()
    half = post(gateway, b'{"update_id": 1', length=100)
    dribble = [bytes([byte]) for byte in b"GET /l/partner-a HTTP/1.1\r\nHost: x\r\n" * 9]
    slow = [
        asyncio.create_task(talk(gateway, *parts, pause_s=0.02))
        for parts in ([], [b"GET"], dribble, [half], [half, *[b"x"] * 60], [b"\r\n"] * 60)
        for _ in range(4)
    ]
    await asyncio.sleep(0.1)
    started = time.perf_counter()
    assert await gateway.post(b'{"update_id": 2}', gateway.secret) == 200
    assert time.perf_counter() - started < 0.25
    answers = await asyncio.gather(*slow)

    assert {answer.split(b"\r\n")[0] for answer in answers} <= {b"HTTP/1.1 408 Request Timeout", b""}
    after = await gateway.metrics()
    assert after[HUNG_UP % "slow"] - before.get(HUNG_UP % "slow", 0) == len(slow)
    rows = await (await gateway.conn.execute("SELECT update_id FROM updates")).fetchall()
    assert rows == [{"update_id": 2}]


async def test_the_endless_are_cut_short(gateway: Gateway) -> None:
    before = await gateway.metrics()
    lump = b"x" * 65_536
    header = [b"GET / HTTP/1.1\r\nHost: x\r\nX: ", *[lump] * 20]
    body = [post(gateway, b"", length=10**9, secret="forged"), *[lump] * 100]
    chunked = [
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        *[b"10000\r\n" + lump + b"\r\n"] * 100,
    ]
    for parts in (header, body, chunked):
        async with asyncio.timeout(2):
            await talk(gateway, *parts)

    after = await gateway.metrics()
    assert after[HUNG_UP % "too_large"] - before.get(HUNG_UP % "too_large", 0) >= 1
    too_long = await talk(gateway, post(gateway, b'{"x": "' + b"a" * MOST_BYTES + b'"}'))
    assert too_long.startswith(b"HTTP/1.1 413")


async def test_too_many_are_turned_away_and_room_is_made_again(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 10)
    crowd = [await connect(gateway) for _ in range(20)]
    turned_away = [await asyncio.wait_for(reader.read(), 5) for reader, _ in crowd[10:]]
    for _, writer in crowd:
        writer.close()
    await asyncio.sleep(0.05)

    assert all(answer.startswith(b"HTTP/1.1 503") for answer in turned_away)
    assert await gateway.post(b'{"update_id": 1}', gateway.secret) == 200


NO_HTTP = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET /l/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /telegram/1 HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    b"POST /telegram/1 HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
    b"\0" * 1000,
]


@pytest.mark.parametrize("request_", NO_HTTP)
async def test_what_is_no_http_is_refused(gateway: Gateway, impatient: None, request_: bytes) -> None:
    answer = await talk(gateway, request_)

    assert answer[9:12] in (b"400", b"404", b"408"), answer
    assert (await gateway.visit("/health")).status == 200


async def test_a_wrong_length_is_refused_or_cut(gateway: Gateway, impatient: None) -> None:
    body = b'{"update_id": 1}'
    assert (await talk(gateway, post(gateway, body, length=len(body) + 1))).startswith(b"HTTP/1.1 408")
    assert (await talk(gateway, post(gateway, body, length=len(body) - 1))).startswith(b"HTTP/1.1 400")
    assert await (await gateway.conn.execute("SELECT FROM updates")).fetchall() == []


NOWHERE = [
    *["/l/nobody", "/l/", "/l", "/l/..%2f..%2fetc%2fpasswd", "/l/%2e%2e/", "/l/a/b", "/l/a%2Fb", "/l/%00", "/l/%ff"],
    *["/l/%E2%80%AE", "/l/partner-a%20", "/l/partner-a%0d%0aLocation:%20x", "/l/partner-a/", "//evil.example/l/x"],
    *["/l/" + "a" * 10_000, "/l/" + "%25" * 3_000, "/l/x?" + "y=z&" * 2_000, "/telegram", "/.env", "/l/{{7*7}}"],
    *[f"/l/{quote(text, errors='replace', safe='')}" for text in TEXTS.values()],
]


async def test_links_to_nowhere_are_a_friendly_page_and_counted(gateway: Gateway) -> None:
    before = await gateway.metrics()
    for path in NOWHERE:
        answer = await talk(gateway, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 404"), path
        assert b"Telegram" in answer
        assert b"location:" not in answer.lower()
    after = await gateway.metrics()

    names = [f"sop_link_unknown_total{{{reason}}}" for reason in ("unknown", "forged", "nowhere")]
    assert sum(after.get(name, 0) - before.get(name, 0) for name in names) == len(NOWHERE)
    assert await gateway.clicks() == []


@MANY
@given(texts, texts)
async def test_no_path_and_no_query_leads_anywhere_else(gateway: Gateway, path: str, query: str) -> None:
    address = f"/l/{quote(path, errors='replace', safe='')}?{quote(query, errors='replace')}"
    answer = await gateway.visit(address, **{"X-Forwarded-Host": "evil.example"})

    refused = (400, 404, 413)  # 400: an address longer than the server reads
    assert answer.status in refused or answer.headers["Location"] == f"https://t.me/the_bot?start={path}"


async def test_while_the_database_is_away_visitors_are_asked_to_come_again(gateway: Gateway, pool: Pool) -> None:
    await pool.close()
    answer = await gateway.visit("/l/partner-a")

    assert answer.status == 503
    assert "Telegram" not in answer.headers.get("Location", "")
