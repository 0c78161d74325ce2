"""Rows `import` and `import-1gb`: Telegram Desktop's export of 1,000,000 messages, and of 2,200,000 in a file of 1 GB.

The reference is a bare parse of the same file by ijson.

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

from community.database.pool import connect
from community.history.telegram_export import import_export
from tests.benchmarks.harness import BOT_ID, Row, count, database, install, measured

MESSAGES, MESSAGES_OF_1_GB, MEMBERS = 1_000_000, 2_200_000, 20_000
BEGIN, EVERY = 1_600_000_000, 94
"""Unix time of the first message, and seconds between two."""


async def run() -> Row:
    """Row `import`."""
    return await _row("import", MESSAGES)


async def run_large() -> Row:
    """Row `import-1gb`."""
    return await _row("import-1gb", MESSAGES_OF_1_GB)


async def _row(name: str, messages: int) -> Row:
    """Make the file, parse it barely, import it."""
    with TemporaryDirectory() as folder, database() as url:
        file = Path(folder) / "result.json"
        make_export(file, messages)
        bare = messages / _parse(file)
        await install(url, rate=None)
        seconds, memory = await measured("tests.benchmarks.history", url, file)
        async with await connect(url) as conn:
            events = await count(conn, "SELECT count(*) FROM events WHERE kind = 'message'")
        size = file.stat().st_size
    figure = events / seconds
    passed = figure >= 20_000 and memory < 300e6 and events == messages
    details: dict[str, float | int | str] = {"memory MB": round(memory / 1e6), "file MB": round(size / 1e6)}
    reference = {"bare ijson parse, messages/s": bare}
    target = "≥ 20,000 messages/s, < 300 MB"
    return Row(name, figure, "messages/s", reference, figure / bare, target, passed, details)


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


async def _main(url: str, file: Path) -> None:
    async with await connect(url) as conn:
        await import_export(conn, file, ZoneInfo("Asia/Shanghai"), BOT_ID, lambda read, messages: None)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], Path(sys.argv[2])))
