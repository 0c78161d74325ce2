"""`sop backup` and `sop restore`, and the messages in doubt afterwards."""

import re
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from community.bundle import Bundle
from community.database.pool import Connection, connect
from community.outreach.plan import plan
from tests.e2e.cli.conftest import BOT_ID, NOON, STAGE, MakeMember, Sop, table

SECRET = "0f-the-house"


@pytest.fixture
def new_house() -> Iterator[str]:
    """A data folder that the embedded server's account can reach."""
    with TemporaryDirectory(prefix="sop-house-") as folder:
        Path(folder).chmod(0o711)
        yield folder


async def test_back_up_lose_restore_and_decide(
    sop: Sop,
    conn: Connection,
    bundle: Bundle,
    member: MakeMember,
    tmp_path: Path,
    empty_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await member(entered_at=NOON - timedelta(days=1), first_name="Eve")
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    file = tmp_path / "sop.backup"
    monkeypatch.setenv("SOP_SECRET", SECRET)
    made = await sop("backup", file)
    assert made.code == 0, made.err
    with zipfile.ZipFile(file) as parts:
        everything = b"".join(parts.read(name) for name in parts.namelist())
    assert b"Eve" in everything
    assert not re.search(f"{SECRET}|sandbox-token".encode(), everything)
    assert "messages could be sent meanwhile" in made.out
    fingerprint = made.out.partition("Fingerprint ")[2][:16]
    assert (
        await sop("backup", file)
    ).err == f"{file}: is there already, and a backup replaces nothing; give another name\n"
    full = await sop("restore", file)
    assert (full.code, full.out, "not empty" in full.err) == (1, "", True)

    monkeypatch.setenv("SOP_DATABASE_URL", empty_url)
    restored = await sop("restore", file)

    assert restored.code == 0, restored.err
    assert f"Fingerprint {fingerprint}" in restored.out
    assert "1 promotional message due by now may have been sent" in restored.out
    assert "1 other message due by now will be sent; some may arrive a second time." in restored.out
    assert "Everything is halted." in restored.out
    assert "may have been sent" in (await sop("outbox", "--state", "uncertain")).out
    assert "`sop resume`" in (await sop("halt", "-5")).out
    assert (await sop("outbox", "retry")).err.startswith("which messages?")
    assert "as 'restord'" in (await sop("outbox", "retry", "--reason", "restord")).err
    again = await sop("outbox", "retry", "--reason", "restored")
    assert again.out == "1 message will be sent again.\n"
    async with await connect(empty_url) as there:
        assert {row["state"] for row in await table(there, "messages")} == {"waiting"}
        assert [row["first_name"] for row in await table(there, "members")] == ["Eve"]


async def test_moving_house_loses_nothing(
    sop: Sop, conn: Connection, bundle: Bundle, tmp_path: Path, new_house: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into an embedded server that was not running."""
    file = tmp_path / "sop.backup"
    await sop("halt")
    assert "all was halted" in (await sop("backup", file)).out
    monkeypatch.delenv("SOP_DATABASE_URL")
    monkeypatch.setenv("SOP_DATA_DIR", new_house)
    moved = await sop("restore", file, "--nothing-sent-since")
    assert moved.code == 0, moved.err
    assert "all that waited waits" in moved.out
