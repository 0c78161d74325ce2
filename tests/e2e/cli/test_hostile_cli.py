"""Hostile arguments and rows: one clean line or a whole table, never a traceback, never obeyed by a terminal."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.members.clean import FORMULA, storable
from tests.e2e.cli.conftest import STAGE, MakeMember, Ran, Sop, table
from tests.hostile import TEXTS

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal acts on, or turns the rest of a line by."""
ARGUMENTS = {kind: text.replace("\0", "") for kind, text in TEXTS.items()}  # no argument can hold NUL
KINDS = ("terminal", "surrogates", "sql", "markup", "overrides", "one_word", "path", "empty")


def assert_clean(ran: Ran) -> None:
    assert ran.code in (0, 1, 2)
    assert "Traceback" not in ran.err
    assert not OBEYED.search(ran.out + ran.err), ascii(ran.out + ran.err)


def verbs(text: str, file: Path) -> list[list[object]]:
    """Every verb that takes free text, with `text` in each place."""
    named = file.parent / f"{text.replace('/', '_')[:60]}.csv"
    return [
        ["explain", "--as-of", "now", "--", text, STAGE],
        ["explain", "1", "--as-of", text, "--", text],
        ["preview", "--member", text, "--", STAGE],
        ["halt", "--", text],
        ["halt", "--", f"stage:{text}"],
        ["resume", "--", f"chat:{text}"],
        ["member", "find", "--", text],
        ["member", "erase", "--yes", "--", text],
        ["send-test", f"--to={text}", f"--locale={text}", "--", STAGE, text],
        ["outbox", f"--state={text}"],
        ["outbox", "retry", "--", text],
        ["import", "members", "--", file],
        ["import", "terms", "--", file],
        ["access", "show", "--", text],
        ["access", "grant", f"--note={text}", f"--paid={text}", f"--from={text}", "--", text, text],
        ["access", "end", f"--note={text}", "--", "1", text],
        ["access", "revoke", f"--note={text}", "--", text],
        ["coupon", "add", f"--opens={text}", f"--plans={text}", "--", text],
        ["coupon", "add", "--percent=1", f"--minimum={text}", f"--until={text}", "--", "ABC"],
        ["coupon", "show", "--", text],
        ["coupon", "withdraw", "--", text],
        ["import", "telegram-export", "--", text or "x"],
        ["export", "--", text, named],
        ["export", "--", "members", named],
        ["check", "--", text or "x"],
    ]


@pytest.mark.parametrize("kind", KINDS)
async def test_any_argument(sop: Sop, conn: Connection, bundle: Bundle, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "list.csv"
    text = ARGUMENTS[kind]
    file.write_text(f'telegram_id,first_name,source\n"{text}","{text}","{text}"\n', errors="surrogatepass")
    for arguments in verbs(text, file):
        assert_clean(await sop(*arguments))
    assert await table(conn, "halts") == []
    assert await table(conn, "coupons") == []
    assert await table(conn, "members") == []


async def test_any_row(sop: Sop, conn: Connection, bundle: Bundle, member: MakeMember, tmp_path: Path) -> None:
    stored = {kind: storable(text) for kind, text in TEXTS.items()}
    stored |= {sign: f"{sign}1" for sign in "+-@\t\r\n＝＋－＠"}
    for text in stored.values():
        await member(first_name=text, last_name=text, username=text[:32] or None)
    await conn.execute("UPDATE groups SET title = %s", [stored["terminal"] + stored["overrides"] + stored["lines"]])
    await conn.execute(
        "INSERT INTO messages (bot_id, chat_id, lane, stage, step, occurrence, state, reason, planned_at, due_at)"
        " SELECT bot_id, 1, 5, 's', 's', '', 'failed', %s, now(), now() FROM installation",
        [stored["terminal"] + stored["lines"]],
    )
    await sop("halt", "all", "--note", stored["terminal"])
    shown = [["member", "find", "a"], ["preview", STAGE, "--limit", 50, "--show", 50], ["outbox"], ["status"]]
    shown += [["member", "show", 7], ["member", "export", 7], ["preview", STAGE, "--json"], ["explain", 7, STAGE]]
    for arguments in shown:
        ran = await sop(*arguments)
        assert ran.code == 0
        assert_clean(ran)
    assert [row["first_name"] for row in json.loads((await sop("member", "export", 7)).out)["members"]] == [
        stored["terminal"]
    ], "nothing is lost of what is escaped"
    await assert_exports(sop, tmp_path / "members.csv", stored)


async def assert_exports(sop: Sop, file: Path, stored: dict[str, str]) -> None:
    """A spreadsheet runs no cell, and a reader of CSV gets back what is stored."""
    assert (await sop("export", "members", file)).code == 0
    with file.open(encoding="utf-8", newline="") as lines:
        rows: list[dict[str, Any]] = list(csv.DictReader(lines))
    assert [row["first_name"] for row in rows] == [
        f"'{text}" if text.startswith(FORMULA) else text for text in stored.values()
    ]
    assert not any(re.match(r"[=+\-@\t\r\n＝＋－＠]", cell) for row in rows for cell in row.values() if cell)
