"""`sop member`: show, find, export, erase."""

import json

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.members.suppression import SUPPRESSION, suppression_hash
from community.outreach.plan import plan
from community.settings import Settings
from tests.e2e.cli.conftest import BOT_ID, HOSTILE, NOON, STAGE, MakeMember, Sop, table


@pytest.fixture
async def eve(conn: Connection, bundle: Bundle, member: MakeMember) -> int:
    """A hostile member with a welcome waiting."""
    number = await member(entered_at=NOON, first_name=HOSTILE, username="eve")
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    return number


async def test_show_and_find(sop: Sop, eve: int) -> None:
    ran = await sop("member", "show", eve)
    assert ran.code == 0
    assert "welcome_drip/welcome" in ran.out
    assert "@eve" in ran.out
    assert "\x1b" not in ran.out
    found = await sop("member", "find", "EVE")
    assert "[bold]<b>" in found.out
    assert (await sop("member", "find", "100%_nobody")).code == 1
    assert (await sop("member", "show", "999")).code == 1


async def test_export_is_json_of_everything(sop: Sop, eve: int) -> None:
    told = json.loads((await sop("member", "export", "@eve")).out)
    assert told["members"][0]["first_name"] == HOSTILE
    assert [message["step"] for message in told["messages"]] == ["welcome"]


async def test_erase_cancels_what_waits_and_keeps_a_keyed_hash(sop: Sop, conn: Connection, eve: int) -> None:
    telegram_id = (await table(conn, "members"))[0]["telegram_id"]
    ran = await sop("member", "erase", eve, "--yes")
    assert ran.code == 0
    assert f"Member {eve} is erased" in ran.out
    assert [(row["state"], row["reason"]) for row in await table(conn, "messages")] == [("cancelled", "erased")]
    secret = Settings(_env_file=None).lasting_secret(SUPPRESSION)
    assert [row["hash"] for row in await table(conn, "suppressions")] == [suppression_hash(secret, telegram_id)]
    assert (await sop("member", "show", eve)).code == 1


async def test_erase_asks_first(sop: Sop, conn: Connection, eve: int) -> None:
    ran = await sop("member", "erase", eve)
    assert ran.code == 1
    assert len(await table(conn, "members")) == 1
