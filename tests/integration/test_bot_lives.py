"""Live sessions in the private chat and by their tracked links."""

from datetime import timedelta
from typing import Any

import pytest

from community.bundle import Bundle
from community.database.installation import set_virtual_now
from community.database.pool import Connection
from community.live.models import Live
from community.live.sessions import cancel
from community.members.links import link_url
from community.outbox.bundles import Bundles
from community.outbox.compose import Composer
from tests.integration.conftest import BOT_ID, MakeMember
from tests.integration.live_kit import ADDED, END, HOUR, START, add_live, row_of, selling
from tests.integration.telegram_kit import NOW, Desk, desk, press, private
from tests.integration.test_gateway import Gateway, gateway

__all__ = ["desk", "gateway", "selling"]

SECOND = timedelta(seconds=1)


@pytest.fixture
async def live(conn: Connection, selling: Bundle) -> Live:
    """A session to come, three days after the updates of the tests; presses, which have no date, come with them."""
    await set_virtual_now(conn, NOW)
    return await add_live(
        conn, selling, at=NOW, starts_at=NOW + 72 * HOUR, ends_at=NOW + 73 * HOUR, title="Freight <b>"
    )


async def attendances(desk: Desk) -> list[dict[str, Any]]:
    return await desk.rows("SELECT * FROM live_attendances ORDER BY member_id")


async def asked(desk: Desk) -> list[str]:
    return [row["question"] for row in await desk.rows("SELECT question FROM live_questions ORDER BY id")]


async def test_the_button_registers_and_invites_a_question(desk: Desk, live: Live) -> None:
    await desk.take(press(f"live:register_{live.id}:1"))
    assert await desk.said() == ["bot/live_registered"]
    (row,) = await attendances(desk)
    assert (row["live_id"], row["registered_at"], row["registered_by"]) == (live.id, NOW, "button")
    await desk.take(private("Sea or air to Riga?"), private("help"))
    assert await asked(desk) == ["Sea or air to Riga?"]
    assert await desk.said() == ["bot/live_registered", "bot/live_asked", "bot/help"]
    assert [event["data"] for event in await desk.events("answer")] == [{"question": "live", "length": 19}]


async def test_only_the_next_message_is_a_question_until_asked_again(desk: Desk, live: Live) -> None:
    await desk.take(press(f"live:ask_{live.id}:1"), private("one"), private("hm"))
    await desk.take(press(f"live:ask_{live.id}:2"), private("two"))
    assert await asked(desk) == ["one", "two"]
    assert await desk.said() == [
        "bot/live_ask", "bot/live_asked", "bot/help", "bot/live_ask", "bot/live_asked"
    ]  # fmt: skip
    assert await attendances(desk) == [], "asking is no registration"


async def test_a_wish_is_no_question_and_a_question_too_late_is_none(desk: Desk, live: Live) -> None:
    await desk.take(press(f"live:ask_{live.id}:1"), private("stop"))
    await set_virtual_now(desk.conn, NOW + 25 * HOUR)
    await desk.take(private("too late", at=NOW + 25 * HOUR))
    assert await asked(desk) == []
    assert (await desk.said())[1] == "bot/stopped"


async def test_a_start_link_registers_whoever_comes(desk: Desk, live: Live) -> None:
    await desk.take(private(f"/start live_{live.id}"))
    assert await desk.said() == ["bot/live_registered"]
    (row,) = await attendances(desk)
    assert row["registered_by"] == "link"
    (event,) = await desk.events("start")
    assert event["data"] == {"payload": "live", "live": live.id}
    await desk.take(private(f"/start live_{live.id}"))
    assert await desk.said() == ["bot/live_registered"] * 2


async def test_a_member_who_starts_by_it_is_welcomed_too(desk: Desk, live: Live) -> None:
    await desk.take(private("/start"))
    await desk.conn.execute("UPDATE members SET entered_at = %s", [NOW])
    await desk.conn.execute(
        "INSERT INTO groups (chat_id, title, registered_at, invite_link) VALUES (-1, 'Club', %s, 'https://t.me/+x')",
        [NOW],
    )
    await desk.take(private(f"/start live_{live.id}"))
    assert sorted((await desk.said())[1:]) == ["bot/live_registered", "welcome_drip/welcome"]


async def test_a_session_that_is_over_or_off_says_so(desk: Desk, live: Live) -> None:
    await set_virtual_now(desk.conn, live.ends_at)
    await desk.take(private(f"/start live_{live.id}", at=live.ends_at))
    await set_virtual_now(desk.conn, NOW)
    await cancel(desk.conn, live.id, NOW, bot_id=BOT_ID)
    await desk.take(press(f"live:register_{live.id}:1"), press(f"live:ask_{live.id}:1"))
    assert await desk.said() == ["bot/live_over"] * 3
    assert await attendances(desk) == []


@pytest.mark.parametrize("argument", ["register_99", "ask_99", "register_", "register_x", "leave_1", f"ask_{10**18}"])
async def test_what_no_button_of_ours_says_is_left_alone(desk: Desk, live: Live, argument: str) -> None:
    await desk.take(press(f"live:{argument}:1"))
    assert await desk.said() == []
    (event,) = await desk.events("button")
    assert event["data"] == {}


async def test_a_link_to_no_session_is_any_start(desk: Desk, live: Live) -> None:
    await desk.take(private("/start live_99"))
    assert await desk.said() == ["bot/help"]
    assert (await desk.events("start"))[0]["data"] == {"payload": "unknown"}


async def test_the_answer_names_the_session_in_the_members_language(desk: Desk, live: Live) -> None:
    await desk.take(press(f"live:register_{live.id}:1"))
    row = await desk.row("SELECT m.*, NULL AS first_name, NULL AS last_name, NULL AS username, 'en' AS locale,"
                         " NULL AS group_title, 'Asia/Tokyo' AS zone FROM messages m")  # fmt: skip
    composer = Composer(Bundles(), bot_id=BOT_ID, username="the_bot", links_url=None, link_secret="s")
    said = await composer.compose(desk.conn, row)
    text = getattr(said, "text", str(said))
    assert "Freight &lt;b&gt;" in text
    assert "7 Mar, 13:00" in text


# Tracked links.


async def told(conn: Connection, member_id: int) -> int:
    """A message to the member; its number signs their links."""
    row = await (
        await conn.execute(
            "INSERT INTO messages"
            " (bot_id, member_id, chat_id, lane, stage, step, occurrence, planned_at, due_at, state)"
            " VALUES (%s, %s, 1, 53, 'live_conversion', 'announce', '1:1', %s, %s, 'sent') RETURNING id",
            [BOT_ID, member_id, ADDED, ADDED],
        )
    ).fetchone()
    assert row is not None
    return int(row["id"])


async def test_a_followed_link_registers_then_counts_as_watching(
    gateway: Gateway, conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    live, who = await add_live(conn, selling), await member()
    address = gateway.link(f"live-{live.id}", await told(conn, who))
    for at in (START - HOUR, START - HOUR / 2 - SECOND, START, END):
        await conn.execute("UPDATE installation SET virtual_now_at = %s", [at])
        answer = await gateway.visit(address)
        assert (answer.status, answer.headers["Location"]) == (302, "https://live.example/1")
    row = await row_of(conn, "live_attendances", member_id=who)
    assert (row["registered_at"], row["registered_by"]) == (START - HOUR, "link")
    assert (row["watched_at"], row["watched_by"]) == (START, "link")
    assert len(await gateway.clicks()) == 4


async def test_after_the_end_a_visit_is_a_click_only(
    gateway: Gateway, conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    live, who = await add_live(conn, selling), await member()
    await set_virtual_now(conn, END)
    answer = await gateway.visit(gateway.link(f"live-{live.id}", await told(conn, who)))
    assert answer.status == 302
    assert await (await conn.execute("SELECT FROM live_attendances")).fetchall() == []


async def test_without_a_members_signature_nobody_is_counted(
    gateway: Gateway, conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    live = await add_live(conn, selling)
    await set_virtual_now(conn, START)
    assert (await gateway.visit(f"/l/live-{live.id}")).status == 302
    forged = link_url("", "guess", f"live-{live.id}", await told(conn, await member()), "")
    assert (await gateway.visit(forged)).status == 404
    robot = await gateway.visit(gateway.link(f"live-{live.id}", 1), **{"User-Agent": "TelegramBot (like TwitterBot)"})
    assert robot.status == 302
    assert await (await conn.execute("SELECT FROM live_attendances")).fetchall() == []
