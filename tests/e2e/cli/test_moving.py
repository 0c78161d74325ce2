"""Moving in and out: `sop import` and `sop export`."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from tests.e2e.cli.conftest import HOSTILE, MakeMember, Sop, table

HEAD = "telegram_id,username,first_name,last_name,locale,zone,joined_at,source,consent\n"
EXPORT = {
    "name": "Club", "type": "private_supergroup", "id": 777,
    "messages": [
        {"id": 1, "type": "message", "date_unixtime": "1600000001", "from": HOSTILE, "from_id": "user5", "text": "hi"},
        {"id": 2, "type": "message", "from": "x", "from_id": "user6", "text": "no date"},
    ],
}  # fmt: skip


async def test_an_export_of_telegram_comes_in(sop: Sop, conn: Connection, bundle: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    text = json.dumps(EXPORT, indent=1)
    file.write_text(text)
    ran = await sop("import", "telegram-export", file)
    assert ran.code == 0, ran.err
    assert "2 messages read; new: 1 messages, 0 reactions, 0 joins, 0 leaves; 1 member never seen before." in ran.out
    assert "message 2 of the file's list: its date is None, not a date" in ran.out
    assert "1 member cannot be written to until they open the bot's chat." in ran.out
    assert "https://t.me/<your bot>?start=welcome" in ran.out
    file.write_text(text[:-5])
    again = await sop("import", "telegram-export", file)
    assert "new: nothing" in again.out
    assert "ends in the middle" in again.out
    assert (await sop("import", "telegram-export", tmp_path / "none")).code == 1


async def test_a_list_is_shown_then_brought_in(sop: Sop, conn: Connection, bundle: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text(
        HEAD + "5,@eve,Eve,,en,Asia/Tokyo,2026-01-02,wechat,2025-12-31\n6,,六,,,,2026-01-02T10:00+09:00,,\n",
        "utf-8-sig",
    )
    shown = await sop("import", "members", file)
    assert "2 lines: 2 new, 0 known already." in shown.out
    assert "Nothing was written." in shown.out
    assert await table(conn, "members") == []
    ran = await sop("import", "members", file, "--apply")
    assert "2 members cannot be written to" in ran.out
    eve, six = await table(conn, "members")
    assert (eve["username"], eve["zone"], eve["dm"]) == ("eve", "Asia/Tokyo", "none")
    assert (eve["entered_at"].isoformat(), six["entered_at"].isoformat()) == (
        "2026-01-01T16:00:00+00:00", "2026-01-02T01:00:00+00:00"
    )  # fmt: skip
    (origin,) = await table(conn, "member_origins")
    assert (origin["member_id"], origin["source"], origin["consent"]) == (eve["id"], "wechat", "2025-12-31")
    again = await sop("import", "members", file, "--apply")
    assert "0 new, 2 known already" in again.out
    assert await table(conn, "members") == [eve, six]


async def test_one_wrong_line_and_nothing_comes_in(sop: Sop, conn: Connection, bundle: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text(HEAD + "5,,Eve,,,,,,\nx,,,,,,,,\n7,,,,klingon!,Mars/Base,soon,,\n5,,,,,,,,\n8,a,b,c,en,,,,,,\n")
    ran = await sop("import", "members", file, "--apply")
    assert ran.code == 1
    lines = ran.err.replace(str(file), "F").splitlines()
    assert [line.split(": ")[0] + " " + line.split(": ")[1].split()[0] for line in lines] == [
        "F:3 telegram_id", "F:4 locale", "F:4 zone", "F:4 joined_at", "F:5 telegram_id", "F:6 telegram_id",
    ]  # fmt: skip
    assert await table(conn, "members") == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column telegram_id"),
        ("id,name\n1,x\n", "no column telegram_id"),
        ("telegram_id,nick\n1,x\n", "unknown column 'nick'"),
        ('telegram_id,source\n1,"x\n', "unexpected end of data"),
    ],
)
async def test_no_list_is_refused(sop: Sop, bundle: Bundle, tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "members.csv"
    file.write_text(text)
    ran = await sop("import", "members", file)
    assert (ran.code, says in ran.err) == (1, True), ran.err


async def test_exports(sop: Sop, conn: Connection, bundle: Bundle, member: MakeMember, tmp_path: Path) -> None:
    number = await member(first_name='=HYPERLINK("x")', username="eve")
    await conn.execute("UPDATE members SET last_name = '-1' WHERE id = %s", [number])
    for dataset, rows in (("members", 1), ("messages", 0), ("decisions", 0), ("events", 0)):
        for ending in ("csv", "parquet"):
            file = tmp_path / f"{dataset}.{ending}"
            ran = await sop("export", dataset, file)
            assert ran.out == f"{file}: {rows} {dataset}.\n", ran.err
    with (tmp_path / "members.csv").open(encoding="utf-8", newline="") as members:
        (row,) = csv.DictReader(members)
    assert (row["first_name"], row["last_name"], row["dm"]) == ('\'=HYPERLINK("x")', "'-1", "open")
    rows_: list[dict[str, Any]] = pq.read_table(tmp_path / "members.parquet").to_pylist()
    assert (rows_[0]["first_name"], rows_[0]["id"]) == ('=HYPERLINK("x")', number)
    assert rows_[0]["entered_at"].tzinfo is not None


async def test_an_export_that_cannot_be_is_refused(sop: Sop, bundle: Bundle, tmp_path: Path) -> None:
    assert "choose one of members, messages" in (await sop("export", "secrets", tmp_path / "x.csv")).err
    assert "must end in .csv or .parquet" in (await sop("export", "members", tmp_path / "x.doc")).err
    assert "No such file" in (await sop("export", "members", tmp_path / "none" / "x.csv")).err


async def test_payments_are_shown_then_brought_in(
    sop: Sop, conn: Connection, bundle: Bundle, member: MakeMember, tmp_path: Path
) -> None:
    await member()
    file = tmp_path / "payments.csv"
    head = "provider,charge,telegram_id,plan,paid_at,amount,refunded\n"
    file.write_text(head + "wechat,w1,10001,month,2026-02-10,199 CNY,\nwechat,w2,10001,pack,2026-02-11,29 USD,29 USD\n")
    shown = await sop("import", "payments", file)
    assert "2 payments: 2 new, with 1 new term; 0 known already." in shown.out
    assert "wechat:w1" in shown.out
    assert "Nothing was written." in shown.out
    assert await table(conn, "payments") == []
    assert (await sop("import", "payments", file, "--apply")).code == 0
    assert "0 new, with 0 new terms; 2 known already." in (await sop("import", "payments", file, "--apply")).out
    assert {row["by"] for row in await table(conn, "ledger_transactions")} != {""}
    file.write_text(head + "wechat,w3,7,month,2026-02-10,199 CNY,\n")
    ran = await sop("import", "payments", file, "--apply")
    assert (ran.code, ran.err.count("payments.csv:2: telegram_id 7: no such member")) == (1, 1)


async def test_spend_is_shown_then_brought_in(sop: Sop, conn: Connection, bundle: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "spend.csv"
    file.write_text("day,source,campaign,currency,spent,impressions,clicks\n2026-02-10,[bold],x,CNY,12.50,100,7\n")
    shown = await sop("import", "spend", file)
    assert "1 line: 1 new, 0 replaced, 0 the same." in shown.out
    assert "[bold]" in shown.out
    assert await table(conn, "ad_spend") == []
    assert (await sop("import", "spend", file, "--apply")).code == 0
    [row] = await table(conn, "ad_spend")
    assert (row["spent_minor"], row["clicks"]) == (1_250, 7)
    file.write_text("day,source,currency,spent\n2026-02-10,a,CNY,much\n")
    ran = await sop("import", "spend", file, "--apply")
    assert (ran.code, "spend.csv:2: 'much CNY' is not an amount of money" in ran.err) == (1, True)


async def test_viewers_are_a_list_as_well(sop: Sop, bundle: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "viewers.csv"
    file.write_text("telegram_id\n5\n")
    ran = await sop("import", "viewers", "7", file)
    assert ran.code == 1
    assert "live" in ran.err
