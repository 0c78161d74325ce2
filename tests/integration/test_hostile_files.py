"""Files and answers from outside, bent out of shape: exports of Telegram, lists of members, playbooks, getUpdates."""

import asyncio
import csv
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from hypothesis import HealthCheck, example, given, settings, strategies as st
from pydantic import ValidationError

from community.bot import polling
from community.bot.polling import Polling
from community.database.pool import Connection, Pool
from community.database.wakeup import Wakeup
from community.errors import ImportRefused
from community.history.roster import Line, bring_in_roster, read_roster
from community.members.lists import LINE_LIMIT
from community.playbook import Playbook
from community.sandbox.server import bind
from community.yaml_source import YamlError, parse
from tests.hostile import TEXTS, bend, nested, texts
from tests.integration.telegram_kit import BOT_ID, private
from tests.integration.test_history import ZONE, bring, chat, events, file, said, service
from tests.shipped import TEMPLATES

__all__ = ["file"]

MANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
REACTED = {
    "reactions": [{"type": "emoji", "recent": [{"from": "Ann", "from_id": "user7", "date": "2020-09-13T20:27:40"}]}]
}
RECORDS = [
    said(1, 7),
    said(2, 7, **REACTED),
    service(3, "invite_members", 7, members=["Ann", None]),
    said(4, 7, text=["a"]),
]


@st.composite
def records(draw: st.DrawFn) -> list[Any]:
    """Records of an export, each out of shape; each begins with its id, as Telegram Desktop writes them."""
    return [bend(draw, record, keep=[("id",)]) for record in RECORDS]


@MANY
@example([service(3, "invite_members", 7, members=True)], "Club")
@given(records(), texts)
async def test_an_export_of_any_shape(conn: Connection, file: Path, bent: list[Any], name: str) -> None:
    content = json.dumps(chat(*bent, said(99, 8), name=name[:200]))
    try:
        await bring(conn, file, content)
    except ImportRefused:
        return
    before = await events(conn)
    assert ("message", 8) in [(kind, who) for kind, who, *_ in before], "the good record is in"
    await bring(conn, file, content)
    assert await events(conn) == before, "again, and nothing is new"


@MANY
@given(st.lists(st.dictionaries(st.sampled_from(sorted(Line.model_fields)), texts, min_size=1), min_size=1, max_size=4))
async def test_a_list_with_anything_in_it(conn: Connection, tmp_path: Path, rows: list[dict[str, str]]) -> None:
    path = tmp_path / "list.csv"
    with path.open("w", encoding="utf-8", errors="surrogatepass", newline="") as out:
        writer = csv.DictWriter(out, ["telegram_id", *sorted({*Line.model_fields} - {"telegram_id"})])
        writer.writeheader()
        writer.writerows({"telegram_id": number, **row} for number, row in enumerate(rows, 1))
    try:
        roster = read_roster(path)
    except ImportRefused:
        return
    assert all(1 < line <= LINE_LIMIT and what for line, what in roster.problems)
    outcome = await bring_in_roster(conn, roster, ZONE, apply=True)
    assert outcome.added + outcome.known == len({line.telegram_id for _, line in roster.lines})


PLAYBOOK = yaml.safe_load((TEMPLATES / "playbook.yaml").read_text())


@st.composite
def playbooks(draw: st.DrawFn) -> Any:
    """The shipped playbook, out of shape."""
    return bend(draw, PLAYBOOK)


@given(playbooks())
def test_a_playbook_of_any_shape_is_taken_or_refused(source: Any) -> None:
    with suppress(ValidationError):
        Playbook.model_validate(source)


@given(st.one_of(texts, st.text("[]{}:-?!&*|>\"'#%@ \n\tab", max_size=60)))
def test_any_text_is_yaml_or_refused(text: str) -> None:
    with suppress(YamlError):
        parse(text)


ANSWERS: list[Any] = [
    *[
        None,
        [],
        "x",
        {},
        {"ok": True},
        {"ok": True, "result": {}},
        {"ok": True, "result": [None, 7, {}, {"update_id": -1}]},
    ],
    *[{"ok": False, "error_code": code, "parameters": wrong} for code in (409, 429) for wrong in (None, [], {})],
    *[
        {"ok": False, "error_code": 429, "parameters": {"retry_after": wrong}}
        for wrong in ("x", None, -1, float("nan"), [])
    ],
    *[
        {"ok": False, "error_code": wrong, "description": text}
        for wrong in ({}, None)
        for text in (7, TEXTS["terminal"])
    ],
    {"ok": True, "result": [{"update_id": 1, "message": nested(300)}]},
]
TOKEN = "4203:not-to-be-told"
RAW = [b"", b"\xff\xfe", b"<html>", b"[" * 100_000, b'{"ok": true, "result": [{"update_id": 1e999}]}']


async def test_polling_survives_whatever_is_answered(
    conn: Connection,
    pool: Pool,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("CONFLICT_S", "MOST_BACKOFF_S"):
        monkeypatch.setattr(polling, name, 0.0)
    astray = iter([True])
    answers = iter([*(json.dumps(answer).encode() for answer in ANSWERS), *RAW])

    async def get_updates(request: web.Request) -> web.Response:
        if "astray" in request.query or next(astray, False):
            raise web.HTTPTemporaryRedirect(f"{request.path}?astray=1")
        good = json.dumps({"ok": True, "result": [private("hi")]}).encode()
        return web.Response(body=next(answers, good), content_type="application/json")

    app = web.Application()
    app.router.add_post(f"/bot{TOKEN}/getUpdates", get_updates)
    runner, listener = web.AppRunner(app), bind("127.0.0.1", 0)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    api = f"http://127.0.0.1:{listener.getsockname()[1]}"
    poller = Polling(database_url, pool, Wakeup(database_url), api=api, token=TOKEN, bot_id=BOT_ID)
    poller._backoff_s = 0.0
    running = asyncio.create_task(poller.run())
    async with asyncio.timeout(20):
        while not await (
            await conn.execute("SELECT 1 AS found FROM updates WHERE payload #>> '{message,text}' = 'hi'")
        ).fetchone():
            assert not running.done(), "polling ended"
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await runner.cleanup()
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("community")]
    assert any("TooManyRedirects" in line for line in logged)
    assert not any(TOKEN in line or "\x1b" in line for line in logged)
