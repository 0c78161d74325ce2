"""Importing Telegram Desktop's export: what becomes of each kind of record, twice the same, and of damaged files."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from community.activity.record import Activity, record
from community.database.pool import Connection
from community.errors import ImportRefused
from community.history import export_file
from community.history.telegram_export import Imported, import_export

ZONE = ZoneInfo("Asia/Shanghai")
START = 1_600_000_000
BOT = 42


def when(seconds: int) -> datetime:
    return datetime.fromtimestamp(START + seconds, UTC)


def said(number: int, who: int, at: int | None = None, **more: Any) -> dict[str, Any]:
    at = number if at is None else at
    local = when(at).astimezone(ZONE).replace(tzinfo=None).isoformat()
    return {
        "id": number, "type": "message", "date": local, "date_unixtime": str(START + at),
        "from": f"Member {who}", "from_id": f"user{who}", "text": "hello", **more,
    }  # fmt: skip


def service(number: int, action: str, who: int, **more: Any) -> dict[str, Any]:
    record = said(number, who)
    del record["from"], record["from_id"], record["text"]
    return {**record, "type": "service", "action": action, "actor": f"Member {who}", "actor_id": f"user{who}", **more}


def chat(*messages: Any, kind: str = "private_supergroup", number: int = 777, name: str = "Club") -> dict[str, Any]:
    return {"name": name, "type": kind, "id": number, "messages": list(messages)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "result.json"


async def bring(conn: Connection, file: Path, content: object) -> Imported:
    text = content if isinstance(content, str) else json.dumps(content, indent=1, ensure_ascii=False)
    file.write_text(text, encoding="utf-8")  # noqa: ASYNC240 - nothing else runs
    return await import_export(conn, file, ZONE, BOT, lambda read, messages: None)


async def events(conn: Connection) -> list[tuple[str, int, datetime, Any]]:
    rows = await conn.execute(
        "SELECT kind, telegram_id, at, data FROM events e JOIN members m ON m.id = e.member_id"
        " ORDER BY at, kind, telegram_id"
    )
    return [(row["kind"], row["telegram_id"], row["at"], row["data"]) for row in await rows.fetchall()]


async def one(conn: Connection, query: str) -> dict[str, Any]:
    row = await (await conn.execute(query)).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row


async def test_messages_replies_and_reactions_become_activity(conn: Connection, file: Path) -> None:
    there = when(60).astimezone(ZONE).replace(tzinfo=None).isoformat()
    outcome = await bring(conn, file, chat(
        said(1, 5, text=["see ", {"type": "link", "text": "https://a.b"}]),
        said(2, 6, reply_to_message_id=1, media_type="voice_message", text=""),
        said(3, 5, reactions=[{"type": "emoji", "count": 9, "emoji": "👍",
                               "recent": [{"from": "Member 6", "from_id": "user6", "date": there}]}]),
    ))  # fmt: skip
    assert await events(conn) == [
        ("message", 5, when(1), {"message": 1, "kind": "text", "length": 15}),
        ("message", 6, when(2), {"message": 2, "kind": "voice", "length": 0, "reply_to": 1}),
        ("message", 5, when(3), {"message": 3, "kind": "text", "length": 5}),
        ("reaction", 6, when(60), {"message": 3}),
    ]
    (group,) = outcome.groups
    assert (group.messages, group.members, group.bad_count, group.unreachable) == (3, 2, 0, 2)
    six = await one(conn, "SELECT * FROM members WHERE telegram_id = 6")
    assert (six["first_name"], six["dm"], six["last_active_at"], six["entered_at"]) == (
        "Member 6", "none", when(60), when(2)
    )  # fmt: skip
    assert (await one(conn, "SELECT chat_id FROM groups"))["chat_id"] == -100777
    assert (await one(conn, "SELECT last_at FROM milestones WHERE kind = 'reaction'"))["last_at"] == when(60)


async def test_a_second_import_adds_only_what_is_new(conn: Connection, file: Path) -> None:
    first = [said(1, 5), said(2, 5, at=1), service(3, "join_group_by_link", 6), said(3, 5)]
    await bring(conn, file, chat(*first, first[0]))
    before = await events(conn)
    assert len(before) == 4
    members = await (await conn.execute("SELECT * FROM members ORDER BY id")).fetchall()
    stays = await (await conn.execute("SELECT * FROM memberships ORDER BY 1")).fetchall()
    again = await bring(conn, file, chat(*first))
    assert (again.groups[0].added.total(), again.groups[0].members) == (0, 0)
    assert await (await conn.execute("SELECT * FROM members ORDER BY id")).fetchall() == members
    assert await (await conn.execute("SELECT * FROM memberships ORDER BY 1")).fetchall() == stays
    newer = await bring(conn, file, chat(*first, said(9, 6)))
    assert dict(newer.groups[0].added) == {"message": 1}


async def test_what_the_bot_saw_itself_is_not_added_again(conn: Connection, file: Path) -> None:
    await bring(conn, file, chat(said(1, 5)))
    ids = await one(conn, "SELECT m.id, g.id AS group_id FROM members m, groups g")
    live = [
        Activity("message", when(2), ids["id"], ids["group_id"], {"kind": "text", "length": 5}),
        Activity("joined", when(90), ids["id"], ids["group_id"]),
    ]
    await record(conn, live)
    outcome = await bring(conn, file, chat(said(2, 5), service(60, "join_group_by_request", 5)))
    assert outcome.groups[0].added.total() == 0


async def test_joins_and_leaves(conn: Connection, file: Path) -> None:
    outcome = await bring(conn, file, chat(
        service(1, "create_group", 5, members=["Member 5", "Member 6"]),
        service(2, "invite_members", 5, members=["Member 7", "Nobody", None]),
        said(3, 6), said(4, 7),
        service(5, "remove_members", 6, members=["Member 6"]),
        service(6, "remove_members", 5, members=["Member 7"]),
        service(7, "join_group_by_link", 7),
        service(8, "pin_message", 8),
    ))  # fmt: skip
    rows = await (await conn.execute(
        "SELECT m.telegram_id, s.joined_at, s.left_at, m.left_at AS gone_at FROM memberships s"
        " JOIN members m ON m.id = s.member_id ORDER BY 1"
    )).fetchall()  # fmt: skip
    assert [tuple(row.values()) for row in rows] == [
        (5, when(1), None, None),
        (6, when(1), when(5), when(5)),
        (7, when(2), None, None),
    ]
    assert outcome.groups[0].unnamed == 1


async def test_channels_deleted_accounts_topics_and_the_bot(conn: Connection, file: Path) -> None:
    outcome = await bring(conn, file, chat(
        service(1, "topic_created", 5, title="Deals"),
        said(2, 5, reply_to_message_id=1),
        said(3, 9, **{"from": None}),
        said(4, 1, from_id="channel1"),
        said(5, BOT),
        said(-999_999_000, 5, at=6),
        said(7, 8, from_id=8, date_unixtime=None),
    ))  # fmt: skip
    assert [(who, data.get("topic"), data.get("reply_to")) for _, who, _, data in await events(conn)] == [
        (5, 1, None), (9, None, None), (5, None, None), (8, None, None)
    ]  # fmt: skip
    assert outcome.groups[0].no_person == 1
    assert (await one(conn, "SELECT dm FROM members WHERE telegram_id = 9"))["dm"] == "gone"


async def test_bad_records_are_listed_by_position(conn: Connection, file: Path) -> None:
    outcome = await bring(conn, file, chat(
        said(1, 5), "nonsense", said(3, 5, date_unixtime="soon", date="later"), said(4, 5, id="x"), said(5, 5),
        said(6, 5, type="strange"), said(7, 5, text=None, from_id={"a": 1}),
    ))  # fmt: skip
    (group,) = outcome.groups
    assert [position for position, _ in group.bad] == [2, 3, 4, 6]
    assert group.added["message"] == 2


async def test_what_is_no_json_is_left_out(conn: Connection, file: Path) -> None:
    text = json.dumps(chat(*(said(n, 5) for n in range(1, 8))), indent=1)
    parts = text.split('   "text": "hello"')
    outcome = await bring(
        conn, file, '   "text": "hello"'.join(parts[:3]) + '"te" "xt": {' + '   "text": "hello"'.join(parts[3:])
    )
    (group,) = outcome.groups
    assert [position for position, _ in group.bad] == [3]
    assert group.added["message"] == 6
    assert not outcome.cut_off


@pytest.mark.parametrize("chunk", [64, 1000, 1 << 20])
async def test_a_file_cut_off_gives_what_is_whole(
    conn: Connection, file: Path, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_file, "CHUNK", chunk)
    text = json.dumps(chat(*(said(n, 5) for n in range(1, 8))), indent=1)
    outcome = await bring(conn, file, text[: text.index('"id": 6')])
    assert outcome.cut_off
    assert outcome.groups[0].added["message"] == 5


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("chunk", [64, 1 << 20])
async def test_the_whole_account(
    conn: Connection, file: Path, chunk: int, indent: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_file, "CHUNK", chunk)
    chats = [
        chat(said(1, 5), kind="personal_chat", number=5),
        chat(said(1, 6), said(2, 6, text='"messages": [{"id": 1')),
        chat(said(1, 7), kind="private_group", number=888, name="Old"),
    ]
    account = {"about": "…", "contacts": {"list": [{"user_id": 1}]}, "chats": {"about": "…", "list": chats}}
    outcome = await bring(conn, file, json.dumps(account, indent=indent))
    assert [(group.title, group.messages) for group in outcome.groups] == [("Club", 2), ("Old", 1)]
    assert outcome.other_chats == 1
    assert [who for _, who, _, _ in await events(conn)] == [6, 7, 6]
    chats_known = await (await conn.execute("SELECT chat_id FROM groups ORDER BY 1")).fetchall()
    assert [row["chat_id"] for row in chats_known] == [-100777, -888]


async def test_no_export_is_refused(conn: Connection, file: Path) -> None:
    for content in ("", "{}", "[1, 2]", "not json"):
        with pytest.raises(ImportRefused, match="no chat with messages"):
            await bring(conn, file, content)
    with pytest.raises(ImportRefused, match="No such file"):
        await import_export(conn, file.with_name("none.json"), ZONE, BOT, lambda read, messages: None)


async def test_hostile_names_are_stored_as_text(conn: Connection, file: Path) -> None:
    await bring(conn, file, chat(said(1, 5, **{"from": "Eve\0\t\\N<b>"})))
    assert (await one(conn, "SELECT first_name FROM members"))["first_name"].startswith("Eve\t\\N<b>")
