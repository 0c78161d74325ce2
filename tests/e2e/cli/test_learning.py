"""Verbs about what the SOP has done: holdout, versions; a look before publishing, and going back."""

from pathlib import Path

from community.database.pool import Connection
from tests.e2e.cli.conftest import STAGE, Sop, edited, table


async def test_nothing_to_say_yet_is_said(sop: Sop) -> None:
    await sop("publish", "--note", "first")
    ran = await sop("holdout")
    assert ran.code == 0
    assert "nobody is held out" in ran.out
    assert "everything" in ran.out
    assert (await sop("holdout", "unknown")).code == 1
    assert "first" in (await sop("versions")).out


async def test_a_look_before_publishing_and_going_back(sop: Sop, conn: Connection, folder: Path) -> None:
    await sop("publish", "--note", "first")
    assert "nothing changes" in (await sop("publish", "--preview")).out
    with edited(folder) as playbook:
        playbook["stages"][STAGE]["steps"][-1]["at"] = "11:11"
    ahead = await sop("publish", "--preview")
    assert f"{STAGE}: step day_7 changed" in ahead.out
    assert f"{STAGE}: 0 members half-way, who go on by this version" in ahead.out
    assert (await sop("publish")).code == 2
    await sop("publish", "--note", "later")
    looked = await sop("rollback", "--preview")
    assert "(first)" in looked.out
    assert len(await table(conn, "publications")) == 2
    back = await sop("rollback", "--note", "sooner again")
    assert back.code == 0
    rows = sorted(await table(conn, "publications"), key=lambda row: row["id"])
    assert [row["note"] for row in rows] == ["first", "later", f"back to version {rows[0]['id']}: sooner again"]
    assert rows[2]["bundle"] == rows[0]["bundle"]
    assert (await sop("rollback", "--to", "99")).code == 1
