"""`sop send-test`: one step to one member, marked, counted nowhere."""

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.outbox.bundles import Bundles
from community.outbox.compose import Composer
from community.outreach.plan import plan
from tests.e2e.cli.conftest import BOT_ID, NOON, STAGE, MakeMember, Sop, table


@pytest.fixture
async def ann(bundle: Bundle, member: MakeMember) -> int:
    return await member(entered_at=NOON, first_name="Ann", locale="en")


async def test_a_test_counts_nowhere_and_the_step_still_comes(
    sop: Sop, conn: Connection, bundle: Bundle, ann: int
) -> None:
    for _ in range(2):
        ran = await sop("send-test", STAGE, "welcome", "--to", ann, "--locale", "zh-Hans")
        assert ran.code == 0
    assert "TEST · welcome_drip/welcome · zh-Hans" in ran.out
    sent = await table(conn, "messages")
    assert [(m["stage"], m["promotional"], m["exempt"], m["counts_at"], m["plan_id"]) for m in sent] == [
        ("test", False, True, None, None)
    ] * 2
    assert (await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)).send == 1


async def test_what_leaves_is_marked_and_its_links_are_direct(
    sop: Sop, conn: Connection, bundle: Bundle, ann: int
) -> None:
    await sop("send-test", STAGE, "welcome", "--to", ann)
    [row] = await table(conn, "messages")
    composer = Composer(Bundles(), bot_id=BOT_ID, username="b", links_url="https://club.test", link_secret="s")
    names = {"first_name": "Ann", "last_name": "", "username": None, "locale": "en", "group_title": "Club"}
    outgoing = composer.fill(bundle, {**row, **names}, {})
    assert outgoing.text.startswith("<i>TEST · welcome_drip/welcome · en</i>\n\n")
    assert "club.test" not in str(outgoing)
    assert "club.test" in str(composer.fill(bundle, {**row, **names, "context": {}}, {}))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nonsense", "day_1"), "nonsense"),
        ((STAGE, "day_9"), "known: welcome, day_1"),
        ((STAGE, "day_1", "--locale", "xx"), "the playbook has"),
    ],
)
async def test_mistakes_are_told_and_send_nothing(
    sop: Sop, conn: Connection, ann: int, arguments: tuple[str, ...], said: str
) -> None:
    ran = await sop("send-test", *arguments, "--to", ann)
    assert ran.code == 1
    assert said in ran.err
    assert await table(conn, "messages") == []


async def test_nobody_who_may_not_be_written_to(sop: Sop, bundle: Bundle, member: MakeMember) -> None:
    ran = await sop("send-test", STAGE, "day_1", "--to", await member(dm="none"))
    assert ran.code == 1
    assert "press Start" in ran.err
