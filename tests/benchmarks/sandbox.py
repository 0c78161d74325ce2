"""Rows `sandbox-calls`, `sandbox-size`, `sandbox-start`: what the sandbox itself can take.

`sandbox-calls`: calls of ten methods, every one checked against the Bot API, to a sandbox that has one processor; the
client has another. The figure is the calls a second that the processor time of the server allows; the rate by the clock
stands beside it. The reference is a server of the same make that answers all with the same few bytes.

`sandbox-size`: memory of a sandbox with 10,000 users and 100,000 messages, a tenth of them in groups, a fifth with
buttons, a hundredth with a picture; the reference is the same sandbox empty.

`sandbox-start`: seconds from the command to the first answer to a bot's call, the middle of five; the reference is a
Python that starts and ends.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote_plus

import orjson
import psutil

from community.sandbox.client import SandboxClient
from tests.benchmarks.harness import TOKEN, Row, free_port, open_chats, sandbox
from tests.benchmarks.lean import exchange, request

CALLS, WARM_UP, CONNECTIONS, PEOPLE = 30_000, 2_000, 16, 1_000
TARGET_CALLS = 3_000
USERS, MESSAGES, GROUPS = 10_000, 100_000, 20
TARGET_BYTES = 500 * 10**6
STARTS, TARGET_START_S = 5, 1.0
FIRST_USER = 1_000_000
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
BARE = """
import sys, uvicorn
async def app(scope, receive, send):
    if scope["type"] == "http":
        while (await receive()).get("more_body"): pass
        head = [(b"content-type", b"application/json"), (b"content-length", b"25")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b'{"ok":true,"result":true}'})
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False, lifespan="off")
"""


def call(method: str, kind: str = FORM, **values: object) -> bytes:
    """A request as python-telegram-bot sends it (a form), or in JSON."""
    if kind == JSON:
        return request(f"/bot{TOKEN}/{method}", orjson.dumps(values), JSON)
    texts = {name: value if isinstance(value, str) else orjson.dumps(value).decode() for name, value in values.items()}
    return request(f"/bot{TOKEN}/{method}", "&".join(f"{n}={quote_plus(v)}" for n, v in texts.items()).encode(), FORM)


def buttons(number: int) -> dict[str, object]:
    return {
        "inline_keyboard": [
            [{"text": "Yes", "callback_data": f"yes:{number % 50}"}, {"text": "No", "url": "https://t.me/x"}]
        ]
    }


# Calls a second.


async def run_calls() -> Row:
    """Measure the sandbox, then the bare server."""
    async with sandbox("--journal-limit", "50000") as api, SandboxClient(api) as client:
        await open_chats(api, FIRST_USER, PEOPLE)
        group = await client.create_group("Club", members=list(range(FIRST_USER, FIRST_USER + 50)))
        requests = await _mixed(api, group)
        clock, processor, answers = await _timed(api, requests)
    refused = [answer for answer in answers if not answer.startswith(b'{"ok":true')]
    async with _bare() as api:
        bare_clock, bare_processor, _ = await _timed(api, requests)
    figures = {"of one core": CALLS / processor, "by the clock": CALLS / clock}
    reference = {"bare server, of one core": CALLS / bare_processor, "bare server, by the clock": CALLS / bare_clock}
    passed = not refused and figures["of one core"] >= TARGET_CALLS
    details: dict[str, float | int | str] = {
        "µs of processor a call": round(processor / CALLS * 1e6),
        "refused": len(refused),
    }
    ratio = bare_processor / processor
    return Row("sandbox-calls", figures, "/s", reference, ratio, "≥ 3,000 calls/s on one core", passed, details)


async def _mixed(api: str, group: int) -> list[bytes]:
    """Half of the calls send messages, half of those with buttons; the others edit, react, ask and delete."""
    people = range(FIRST_USER, FIRST_USER + PEOPLE)
    first = await exchange(api, [call("sendMessage", chat_id=user, text="Welcome") for user in people], CONNECTIONS)
    known = [orjson.loads(answer)["result"]["message_id"] for answer in first]
    all_calls = range(WARM_UP + CALLS)
    return [_nth(number, people[number // 10 % PEOPLE], known[number // 10 % PEOPLE], group) for number in all_calls]


def _nth(number: int, user: int, message: int, group: int) -> bytes:
    text = f"Message <b>{number}</b> to a member, of a usual length, with a link: https://example.org/{number}"
    html = {"parse_mode": "HTML", "link_preview_options": {"is_disabled": True}}
    match number % 10:
        case 0 | 1:
            return call("sendMessage", chat_id=user, text=text, **html)
        case 2 | 3:
            return call("sendMessage", chat_id=user, text=text, reply_markup=buttons(number), **html)
        case 4:
            return call("sendMessage", JSON, chat_id=group, text=text, reply_markup=buttons(number))
        case 5:
            return call("editMessageText", chat_id=user, message_id=message, text=text, **html)
        case 6:
            emoji = {"type": "emoji", "emoji": "👍"}
            return call("setMessageReaction", chat_id=user, message_id=message, reaction=[emoji])
        case 7:
            return call("getChatMember", chat_id=group, user_id=FIRST_USER + number % 50)
        case 8:
            return call("sendChatAction", chat_id=user, action="typing")
        case _:
            return call("getChat", JSON, chat_id=group)


async def _timed(api: str, requests: list[bytes]) -> tuple[float, float, list[bytes]]:
    """Seconds by the clock and of the server's processor, and the answers. The server is held to one processor."""
    server = _served(api)
    cores = psutil.Process().cpu_affinity() or [0]
    server.cpu_affinity(cores[:1])
    psutil.Process().cpu_affinity(cores[1:] or cores)
    try:
        await exchange(api, requests[:WARM_UP], CONNECTIONS)
        before, started = sum(server.cpu_times()[:2]), time.perf_counter()
        answers = await exchange(api, requests[WARM_UP:], CONNECTIONS)
        return time.perf_counter() - started, sum(server.cpu_times()[:2]) - before, answers
    finally:
        psutil.Process().cpu_affinity(cores)


def _served(api: str) -> psutil.Process:
    """The child process that serves this address."""
    port = api.rpartition(":")[2]
    return next(child for child in psutil.Process().children() if port in child.cmdline())


@asynccontextmanager
async def _bare() -> AsyncIterator[str]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", BARE, str(port))
    try:
        await _open(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def _open(port: int) -> None:
    """Wait until something listens."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.005)
        else:
            writer.close()
            return


# Memory.


async def run_size() -> Row:
    """Fill a sandbox and look at it."""
    async with sandbox() as api, SandboxClient(api) as client:
        await client.now()
        empty = _served(api).memory_info().rss
        await open_chats(api, FIRST_USER, USERS)
        full = await _fill(api, client)
        seconds = await _answering(client)
    details: dict[str, float | int | str] = {
        "bytes a message": round((full - empty) / MESSAGES),
        "seconds to list all chats": round(seconds, 3),
    }
    figure, reference = full / 1e6, {"empty": empty / 1e6}
    passed = full < TARGET_BYTES
    return Row("sandbox-size", figure, "MB", reference, full / empty, "< 500 MB", passed, details)


async def _fill(api: str, client: SandboxClient) -> int:
    """The messages, a start of each member among them; bytes of memory afterwards."""
    groups = [await client.create_group(f"Group {number}") for number in range(GROUPS)]
    said = MESSAGES // 10
    for start in range(0, said, 2_000):
        gestures = [
            {"do": "say", "user": FIRST_USER + number % USERS, "text": f"A member's answer, number {number}"}
            for number in range(start, start + 2_000)
        ]
        await client.act_all(gestures)
    await exchange(api, [_message(number, groups) for number in range(MESSAGES - USERS - said)], CONNECTIONS)
    return int(_served(api).memory_info().rss)


def _message(number: int, groups: list[int]) -> bytes:
    chat = groups[number % GROUPS] if number % 10 == 0 else FIRST_USER + number % USERS
    text = f"Day {number % 30}: a <b>message</b> as long as most of them are, for member {number}. More at https://a.org/{number}"
    if number % 100 == 1:
        return call("sendPhoto", chat_id=chat, photo=f"https://a.org/{number}.jpg", caption=text, parse_mode="HTML")
    if number % 5 == 2:
        return call("sendMessage", chat_id=chat, text=text, parse_mode="HTML", reply_markup=buttons(number))
    return call("sendMessage", chat_id=chat, text=text, parse_mode="HTML")


async def _answering(client: SandboxClient) -> float:
    started = time.perf_counter()
    await client.chats()
    return time.perf_counter() - started


# Start.


async def run_start() -> Row:
    """Start it several times."""
    seconds = [await _start() for _ in range(STARTS)]
    python = [await _python() for _ in range(STARTS)]
    middle, bare = statistics.median(seconds), statistics.median(python)
    details: dict[str, float | int | str] = {"slowest": round(max(seconds), 2)}
    passed = middle < TARGET_START_S
    return Row("sandbox-start", middle, "s", {"bare Python": bare}, middle / bare, "< 1 s", passed, details)


async def _start() -> float:
    port, started = free_port(), time.perf_counter()
    command = (sys.executable, "-m", "community.sandbox", "--port", str(port), "--token", TOKEN)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    try:
        await _open(port)
        [answer] = await exchange(f"http://127.0.0.1:{port}", [call("getMe")], 1)
        assert answer.startswith(b'{"ok":true')
        return time.perf_counter() - started
    finally:
        process.terminate()
        await process.wait()


async def _python() -> float:
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
    await process.wait()
    return time.perf_counter() - started
