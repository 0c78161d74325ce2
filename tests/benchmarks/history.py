"""Row `import`: Telegram Desktop's export of 1,000,000 messages, beside a bare parse of the same file by ijson.

20,000 members who talk unequally, a reply in four, a reaction in ten, three years of months. The file is made before;
the import runs in a process of its own, whose largest memory is what counts.
"""

import asyncio
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import ijson
import orjson
import psutil

from community.database.pool import connect
from community.history.telegram_export import import_export
from tests.benchmarks.harness import BOT_ID, ROOT, Row, count, database, install

MESSAGES, MEMBERS = 1_000_000, 20_000
BEGIN, EVERY = 1_600_000_000, 94
"""Unix time of the first message, and seconds between two."""


async def run() -> Row:
    """Make the file, parse it barely, import it."""
    with TemporaryDirectory() as folder, database() as url:
        file = Path(folder) / "result.json"
        make_export(file, MESSAGES)
        bare = MESSAGES / _parse(file)
        await install(url, rate=None)
        seconds, memory = await _import(url, file)
        async with await connect(url) as conn:
            events = await count(conn, "SELECT count(*) FROM events WHERE kind = 'message'")
        size = file.stat().st_size
    figure = events / seconds
    passed = figure >= 20_000 and memory < 300e6 and events == MESSAGES
    details: dict[str, float | int | str] = {"memory MB": round(memory / 1e6), "file MB": round(size / 1e6)}
    reference = {"bare ijson parse, messages/s": bare}
    target = "≥ 20,000 messages/s, < 300 MB"
    return Row("import", figure, "messages/s", reference, figure / bare, target, passed, details)


def make_export(file: Path, messages: int) -> None:
    """A group's history in Telegram Desktop's layout."""
    dice = random.Random(7)
    with file.open("wb") as out:
        out.write(b'{\n "name": "Club",\n "type": "private_supergroup",\n "id": 1234567890,\n "messages": [\n')
        for number in range(1, messages + 1):
            text = orjson.dumps(_message(number, dice), option=orjson.OPT_INDENT_2)
            out.write(text + (b",\n" if number < messages else b"\n ]\n}\n"))


def _message(number: int, dice: random.Random) -> dict[str, object]:
    who = int(MEMBERS * dice.random() ** 3)
    words = "what I know about customs and freight " * dice.randrange(1, 5)
    at = BEGIN + number * EVERY
    message: dict[str, object] = {
        "id": number,
        "type": "message",
        "date": _local(at),
        "date_unixtime": str(at),
        "from": f"Member {who}",
        "from_id": f"user{5_000_000 + who}",
        "text": words,
        "text_entities": [{"type": "plain", "text": words}],
    }
    if number % 4 == 0:
        message["reply_to_message_id"] = number - 3
    if number % 10 == 0:
        recent = {"from": f"Member {who // 2}", "from_id": f"user{5_000_000 + who // 2}", "date": _local(at + 60)}
        message["reactions"] = [{"type": "emoji", "count": 1, "emoji": "👍", "recent": [recent]}]
    return message


def _local(at: int) -> str:
    return datetime.fromtimestamp(at + 8 * 3600, UTC).replace(tzinfo=None).isoformat()


def _parse(file: Path) -> float:
    """Seconds to parse every message and drop it."""
    started = time.perf_counter()
    with file.open("rb") as source:
        for _ in ijson.items(source, "messages.item", use_float=True):
            pass
    return time.perf_counter() - started


async def _import(url: str, file: Path) -> tuple[float, float]:
    """Seconds, and bytes of memory at the worst."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.history", url, file, cwd=ROOT
    )
    watched, most = psutil.Process(process.pid), 0
    started = time.perf_counter()
    while process.returncode is None:
        with_process = watched.memory_info().rss if watched.is_running() else 0
        most = max(most, with_process)
        try:
            await asyncio.wait_for(asyncio.shield(process.wait()), 0.05)
        except TimeoutError:
            continue
    assert process.returncode == 0
    return time.perf_counter() - started, most


async def _main(url: str, file: Path) -> None:
    async with await connect(url) as conn:
        await import_export(conn, file, ZoneInfo("Asia/Shanghai"), BOT_ID, lambda read, messages: None)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], Path(sys.argv[2])))
