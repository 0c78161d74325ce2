"""Setting a group up in private: led by buttons, verified at each press, refused kindly, in force at once."""

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY

from community.bundle import Bundle
from community.groups.welcome import sweep_greetings
from community.outbox.bundles import publish
from community.outreach.plan import plan
from tests.integration.access_kit import VIP, with_plans
from tests.integration.telegram_kit import (
    ANN,
    BEN,
    BOT_ID,
    CLUB,
    NOW,
    Desk,
    chat_member,
    desk,
    my_chat_member,
    press,
    private,
)

__all__ = ["desk"]

OTHER = {"id": -1002, "type": "supergroup", "title": "<b>Other"}


@pytest.fixture
async def club(desk: Desk) -> int:
    """Ann, who had opened the chat, adds the bot to the group with all rights; the group's number."""
    desk.calls.administrators |= {ANN, BOT_ID}
    await desk.take(private("/start"), my_chat_member("left", "administrator"))
    return int((await desk.row("SELECT id FROM groups"))["id"])


async def last(desk: Desk, chat_id: int = ANN) -> tuple[str, dict[str, Any]]:
    """Copy and context of the newest message."""
    row = (await desk.rows("SELECT template, context FROM messages WHERE chat_id = %s ORDER BY id", chat_id))[-1]
    return row["template"], row["context"]


async def group(desk: Desk) -> dict[str, Any]:
    return await desk.row("SELECT zone, locale, greets, set_up_at FROM groups WHERE chat_id = %s", CLUB["id"])


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("sop_group_setup_refused_total", {"reason": reason}) or 0


async def test_who_added_the_bot_is_led_from_question_to_question(desk: Desk, club: int) -> None:
    template, context = await last(desk)
    assert (template, context["missing"], context["number"]) == ("bot/setup_rights", [], club)
    steps = {
        f"{club}_zone": "setup_zone",
        f"{club}_zone_Asia-Tokyo": "setup_locale",
        f"{club}_locale_en": "setup_welcome",
        f"{club}_welcome_off": "setup_summary",
        f"{club}_zone_default": "setup_summary",
        f"{club}_locale_zh-Hant": "setup_summary",
        f"{club}_rights": "setup_rights",
    }
    for argument, follows in steps.items():
        await desk.take(press(f"setup:{argument}:1"))
        assert (await last(desk))[0] == f"bot/{follows}", argument
    chosen = await group(desk)
    assert (chosen["zone"], chosen["locale"], chosen["greets"]) == (None, "zh-Hant", False)
    assert chosen["set_up_at"] is not None
    assert await desk.rows("SELECT 1 FROM setup_wishes") == [], "all carried out"
    alerts = await desk.rows("SELECT what, times FROM alerts")
    assert alerts == [{"what": "The bot was added to a group", "times": 1}]


async def test_whom_the_bot_may_not_write_to_is_asked_by_a_post_once(desk: Desk) -> None:
    desk.calls.administrators |= {ANN}
    await desk.take(my_chat_member("left", "member"), my_chat_member("member", "administrator"))
    await desk.take(my_chat_member("administrator", "left"), my_chat_member("left", "member"))

    assert await desk.said(CLUB["id"]) == ["group/setup"]
    assert await desk.said(ANN) == []
    payload = (await last(desk, CLUB["id"]))[1]["start_payload"]
    await desk.take(private(f"/start {payload}"))
    assert (await last(desk))[0] == "bot/setup_rights"
    assert (await last(desk))[1]["missing"] == ["can_invite_users", "can_delete_messages"]


async def test_changed_rights_are_told_again_and_a_loss_to_staff(desk: Desk, club: int) -> None:
    desk.calls.administrators.remove(BOT_ID)
    await desk.take(my_chat_member("administrator", "member"))

    assert len((await last(desk))[1]["missing"]) == 2
    alerts = [row["what"] for row in await desk.rows("SELECT what FROM alerts ORDER BY what")]
    assert alerts[0].startswith("The bot may no longer invite users and delete messages")


async def test_the_right_to_ban_is_asked_for_where_plans_open_the_group_and_nowhere_else(
    desk: Desk, bundle: Bundle
) -> None:
    await publish(desk.conn, with_plans(bundle), "plans open a group")
    desk.calls.administrators |= {ANN, BOT_ID}
    desk.calls.lacking = {"can_restrict_members"}
    vip = {"id": VIP, "type": "supergroup", "title": "VIP"}
    await desk.take(private("/start"), my_chat_member("left", "administrator"))
    assert (await last(desk))[1]["missing"] == []
    await desk.take(my_chat_member("left", "member", vip))
    assert "ban users" in (await desk.row("SELECT place FROM alerts WHERE place LIKE 'VIP%%'"))["place"]
    template, context = await last(desk)
    assert (template, context["missing"]) == ("bot/setup_rights", ["can_restrict_members"])
    desk.calls.lacking = set()
    await desk.take(press(f"setup:{context['number']}_rights:1"))
    assert (await last(desk))[1]["missing"] == []


@pytest.mark.parametrize(
    ("typed", "zone"), [("Asia/Tokyo", "Asia/Tokyo"), (" america/new york", "America/New_York"), ("utc", "UTC")]
)
async def test_a_zone_may_be_typed(desk: Desk, club: int, typed: str, zone: str) -> None:
    await desk.take(press(f"setup:{club}_zone_other:1"))
    assert (await last(desk))[1]["unknown"] is None
    await desk.take(private("Atlantis/'; DROP"))
    assert (await last(desk))[1]["unknown"] == "Atlantis/'; DROP"
    await desk.take(private(typed))

    assert (await group(desk))["zone"] == zone
    await desk.take(private(typed))
    assert (await last(desk))[0] == "bot/help", "nothing is expected any more"


FORGED = ["{}", "{}_zone_Asia-Tokyo", "{}_locale_en", "{}_welcome_off", "{}_summary"]


@pytest.mark.parametrize("argument", FORGED)
async def test_who_is_no_administrator_changes_and_learns_nothing(desk: Desk, club: int, argument: str) -> None:
    before, counted = await group(desk), refused("not_admin")
    await desk.take(private("/start", BEN), press(f"setup:{argument.format(club)}:1", BEN))

    template, context = await last(desk, BEN)
    assert (template, "Club" in str(context)) == ("bot/setup_refused", False)
    assert await group(desk) == before
    assert refused("not_admin") == counted + 1


async def test_who_was_an_administrator_is_none_any_more(desk: Desk, club: int) -> None:
    desk.calls.administrators.remove(ANN)
    await desk.take(press(f"setup:{club}_zone_Asia-Tokyo:1"))
    assert (await last(desk))[0] == "bot/setup_refused"
    assert (await group(desk))["zone"] is None


async def test_a_group_that_is_not_there_looks_the_same_and_nobody_is_asked(desk: Desk, club: int) -> None:
    asked = len(desk.calls.asked)
    await desk.take(press("setup:999_zone:1"), private("/start setup_999"))
    assert (await last(desk)) == ("bot/setup_refused", {"asked": True})
    assert len(desk.calls.asked) == asked


MALFORMED = ["x", "1_", "1_zone_Atlantis", "1_locale_fr", "1_welcome_maybe", "1_rights_x", "1_list", "9" * 30]


@pytest.mark.parametrize("argument", MALFORMED)
async def test_what_was_never_offered_is_no_button(desk: Desk, club: int, argument: str) -> None:
    said, asked = await desk.said(), len(desk.calls.asked)
    await desk.take(press(f"setup:{argument}:1"))
    assert (await desk.said(), len(desk.calls.asked)) == (said, asked)
    assert (await desk.states())[-1] == "handled"


async def test_telegram_away_is_said_and_changes_nothing(desk: Desk, club: int) -> None:
    desk.calls.away = True
    await desk.take(press(f"setup:{club}_zone_Asia-Tokyo:1"))
    assert await last(desk) == ("bot/setup_refused", {"asked": False})
    assert (await group(desk))["zone"] is None


async def test_a_wish_that_a_crash_interrupted_is_carried_out_once(desk: Desk, club: int) -> None:
    member = (await desk.member())["id"]
    await desk.conn.execute(
        "INSERT INTO setup_wishes (member_id, group_id, part, value, cause, wished_at)"
        " VALUES (%s, %s, 'zone', 'Asia/Tokyo', 'update:1', %s)",
        [member, club, NOW],
    )
    said = len(await desk.said())
    await desk.workers.wishes.grant()
    await desk.workers.wishes.grant()
    assert (await group(desk))["zone"] == "Asia/Tokyo"
    assert len(await desk.said()) == said + 1


async def test_a_wish_that_fails_is_dropped_and_told(desk: Desk, club: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        raise ValueError("no luck")

    with monkeypatch.context() as patch:
        patch.setattr("community.bot.wishes.carry_out", fail)
        await desk.take(press(f"setup:{club}_zone_Asia-Tokyo:1"))
    assert await desk.rows("SELECT 1 FROM setup_wishes") == []
    assert await desk.rows("SELECT 1 FROM alerts WHERE subject = 'setup:ValueError:zone'")
    await desk.take(press(f"setup:{club}_zone_Asia-Tokyo:1"))
    assert (await group(desk))["zone"] == "Asia/Tokyo"


async def test_floods_ask_telegram_nothing(desk: Desk, club: int) -> None:
    await desk.take(*[press(f"setup:{club}_zone:1") for _ in range(60)])
    assert len(desk.calls.asked) < 60


async def test_the_list_names_what_one_administers(desk: Desk, club: int) -> None:
    await desk.take(private("/setup"))
    assert (await last(desk))[0] == "bot/setup_rights", "the only one is shown at once"
    await desk.take(my_chat_member("left", "administrator", chat=OTHER))
    await desk.take(private("/setup"))
    template, context = await last(desk)
    assert template == "bot/setup_groups"
    assert [each["title"] for each in context["groups"]] == ["Club", "<b>Other"]
    asked = len(desk.calls.asked)
    await desk.take(private("/setup"))
    assert len(desk.calls.asked) == asked, "a list a minute"
    await desk.take(private("/setup", BEN))
    assert (await last(desk, BEN))[1]["groups"] == []


async def test_what_is_chosen_is_in_force(desk: Desk, club: int, bundle: Bundle) -> None:
    """The member's own zone first, else the group's; the group's language for posts there and for who has none."""
    await desk.take(chat_member(), chat_member(BEN))
    for argument in ("zone_America-New_York", "locale_en", "welcome_on"):
        await desk.take(press(f"setup:{club}_{argument}:1"))
    await desk.conn.execute("UPDATE members SET dm = 'open'")
    await desk.conn.execute("UPDATE members SET zone = 'Asia/Tokyo' WHERE telegram_id = %s", [BEN])
    mornings = {
        datetime(2026, 3, 4, 14, 30, tzinfo=UTC): [],
        datetime(2026, 3, 4, 15, 30, tzinfo=UTC): [ANN],
        datetime(2026, 3, 5, 1, 30, tzinfo=UTC): [ANN, BEN],
    }
    for at, had in mornings.items():
        await plan(desk.conn, bundle, "welcome_drip", at, bot_id=BOT_ID)
        rows = await desk.rows("SELECT chat_id FROM messages WHERE step = 'day_1' ORDER BY chat_id")
        assert [row["chat_id"] for row in rows] == had, at
    locales = await desk.rows("SELECT locale FROM v_members")
    assert locales == [{"locale": "en"}] * 2


async def test_a_group_that_does_not_greet_names_nobody_later_either(desk: Desk, club: int, bundle: Bundle) -> None:
    await desk.take(chat_member(BEN))
    await desk.take(press(f"setup:{club}_welcome_off:1"))
    await desk.take(chat_member(200))
    assert await sweep_greetings(desk.conn, bundle, NOW, BOT_ID) == 0
    await desk.take(press(f"setup:{club}_welcome_on:1"))
    assert await sweep_greetings(desk.conn, bundle, NOW, BOT_ID) == 0
    await desk.take(press(f"setup:{club}_locale_en:1"))
    await desk.take(chat_member(201))
    assert await sweep_greetings(desk.conn, bundle, NOW, BOT_ID) == 1
    _, context = await last(desk, CLUB["id"])
    assert (context["locale"], context["names"]) == ("en", ["User 201"])
