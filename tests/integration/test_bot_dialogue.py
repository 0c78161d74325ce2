"""The private chat: start, attribution, the problem question, wishes typed or pressed, floods."""

from datetime import timedelta
from typing import Any

import pytest

from community.bundle import Bundle
from tests.integration.telegram_kit import (
    ANN,
    BEN,
    NOW,
    STAFF,
    Desk,
    chat_member,
    desk,
    group_message,
    press,
    private,
    user,
)

__all__ = ["desk"]


async def last_message(desk: Desk, chat_id: int = ANN) -> dict[str, Any]:
    return (await desk.rows("SELECT * FROM messages WHERE chat_id = %s ORDER BY id", chat_id))[-1]


async def test_start_opens_the_chat_and_keeps_the_first_source_for_ever(desk: Desk) -> None:
    await desk.take(private("/start partner-a"), private("/start shortvideo-bio"))

    member = await desk.member()
    assert (member["dm"], member["link_token"]) == ("open", "partner-a")
    starts = await desk.events("start")
    assert [event["data"] for event in starts] == [{"link": "partner-a"}, {"link": "shortvideo-bio"}]


@pytest.mark.parametrize("payload", ["nobody-knows", "tariff_lookup", "' OR 1=1 --", "<b>x</b>", "a" * 64, "{{7*7}}"])
async def test_an_unknown_payload_is_a_normal_start_and_is_counted(desk: Desk, payload: str) -> None:
    await desk.take(private(f"/start {payload}"))

    assert await desk.said() == ["bot/help"]
    assert [event["data"] for event in await desk.events("start")] == [{"payload": "unknown"}]
    assert (await desk.member())["link_token"] is None


async def test_a_newcomer_is_led_to_the_group_with_a_way_in(desk: Desk) -> None:
    await desk.take(group_message("hello", BEN))
    await desk.conn.execute("UPDATE groups SET invite_link = 'https://t.me/+door'")
    await desk.take(private("/start"))

    message = await last_message(desk)
    assert (message["step"], message["context"]["join_url"]) == ("join", "https://t.me/+door")


async def test_who_joined_unreachable_is_welcomed_at_start(desk: Desk) -> None:
    await desk.take(chat_member())
    assert await desk.said() == []
    await desk.take(private("/start welcome", at=NOW + timedelta(minutes=3)))

    assert await desk.said() == ["welcome_drip/welcome"]
    await desk.take(private("/start", at=NOW + timedelta(minutes=4)))
    assert await desk.said() == ["welcome_drip/welcome", "bot/help"], "the pack comes once"


async def test_a_pressed_problem_becomes_a_tag_a_follow_up_and_a_note_for_staff(desk: Desk) -> None:
    await desk.pass_gate()
    welcome = await desk.row("SELECT id FROM messages WHERE step = 'welcome'")
    await desk.take(press(f"problem:logistics:{welcome['id']}"))

    assert [row["tag"] for row in await desk.rows("SELECT tag FROM member_tags")] == ["interest:logistics"]
    follow_up = await desk.row("SELECT kind, note, due_at - created_at AS within FROM follow_ups")
    assert follow_up == {"kind": "problem", "note": "logistics", "within": timedelta(hours=24)}
    assert await desk.said(STAFF) == ["bot/follow_up"]
    assert (await last_message(desk))["template"] == "bot/problem_thanks"
    assert len(desk.calls.toasts) == 1


async def test_a_typed_problem_is_kept_in_the_members_words(desk: Desk) -> None:
    await desk.pass_gate()
    words = "运费太贵 <b>&{{7*7}}'; DROP TABLE members;--"
    await desk.take(private(words))

    assert [row["tag"] for row in await desk.rows("SELECT tag FROM member_tags")] == ["interest:logistics"]
    assert (await desk.row("SELECT note FROM follow_ups"))["note"] == words
    assert (await last_message(desk, STAFF))["context"]["text"] == words
    assert not any(words in str(event["data"]) for event in await desk.events())
    await desk.take(private("and another thing"))
    assert (await last_message(desk))["template"] == "bot/help", "only the first answer is taken for one"


async def test_the_same_problem_twice_is_one_follow_up(desk: Desk) -> None:
    await desk.pass_gate()
    await desk.take(press("problem:price:1"), press("problem:price:1"), press("problem:sourcing:1"))

    notes = [row["note"] for row in await desk.rows("SELECT note FROM follow_ups ORDER BY id")]
    assert notes == ["price", "sourcing"]


async def test_the_problem_question_is_open_for_a_week(desk: Desk) -> None:
    await desk.pass_gate()
    await desk.take(private("shipping", at=NOW + timedelta(days=8)))

    assert await desk.rows("SELECT * FROM follow_ups") == []


@pytest.mark.parametrize(
    ("typed", "resumed"), [("停止", "恢复"), ("STOP!", "resume"), ("/stop", "/resume"), ("退订", "繼續")]
)
async def test_stop_and_resume(desk: Desk, typed: str, resumed: str) -> None:
    await desk.take(private(typed))
    assert (await desk.member())["opted_out_at"] == NOW
    await desk.take(private(resumed))
    assert (await desk.member())["opted_out_at"] is None

    assert await desk.said() == ["bot/stopped", "bot/resumed"]
    assert [event["kind"] for event in await desk.events("opted_out", "opted_in")] == ["opted_out", "opted_in"]


async def test_language_by_button_and_by_word(desk: Desk) -> None:
    await desk.take(private("语言"), press("language:en:1"))
    assert (await desk.member())["locale"] == "en"
    await desk.take(private("繁體中文"))
    assert (await desk.member())["locale"] == "zh-Hant"
    await desk.take(press("language:xx:1"))
    assert (await desk.member())["locale"] == "zh-Hant"

    assert await desk.said() == ["bot/language", "bot/language_set", "bot/language_set"]


async def test_my_data_tells_what_is_held(desk: Desk) -> None:
    await desk.take(private("/start partner-a"))
    await desk.pass_gate()
    await desk.take(press("problem:price:1"), private("我的数据"))

    data = (await last_message(desk))["context"]["data"]
    assert data["telegram_id"] == ANN
    assert (data["joined"], data["zone"], data["language"]) == ("2026-03-04", "Asia/Shanghai", "zh-Hans")
    assert data["source"] == "partner · opening · referral · partner-a" or set(data["source"].split(" · ")) >= {
        "partner-a"
    }
    assert (data["interests"], data["stopped"]) == (["price"], False)
    assert data["activities"] > 3


async def test_whatever_is_not_understood_gets_help(desk: Desk) -> None:
    await desk.take(
        private("asdf"), private(None, photo=[{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}])
    )

    assert await desk.said() == ["bot/help", "bot/help"]
    kinds = [event["data"]["kind"] for event in await desk.events("private")]
    assert kinds == ["text", "photo"]


async def test_a_drip_answer_is_recorded_and_thanked_by_a_toast(desk: Desk) -> None:
    await desk.take(press("answer:day_1_done:12"))

    ((_, text),) = desk.calls.toasts
    assert text
    assert await desk.said() == []
    assert [event["data"]["argument"] for event in await desk.events("button")] == ["day_1_done"]


async def test_a_button_confirms_only_a_message_of_its_member(desk: Desk) -> None:
    await desk.pass_gate(ANN)
    await desk.pass_gate(BEN)
    await desk.conn.execute("UPDATE messages SET state = 'uncertain' WHERE step = 'welcome'")
    bens = await desk.row("SELECT id FROM messages WHERE step = 'welcome' AND chat_id = %s", BEN)
    await desk.take(press(f"problem:price:{bens['id']}", ANN))
    assert (await desk.row("SELECT state FROM messages WHERE id = %s", bens["id"]))["state"] == "uncertain"
    await desk.take(press(f"problem:price:{bens['id']}", BEN))
    assert (await desk.row("SELECT state FROM messages WHERE id = %s", bens["id"]))["state"] == "sent"


FORGED = [
    None,
    "",
    ":",
    "::",
    "problem",
    "problem:price",
    "problem:gold:1",
    "stop:1:2:3",
    "gate:no:99999999999999999999",
]


@pytest.mark.parametrize("data", [*FORGED, "drop:table:1", "x" * 64, "answer::1", "language:<b>:1", "stop:１"])
async def test_forged_callback_data_does_nothing_but_end_the_waiting(desk: Desk, data: str | None) -> None:
    await desk.take(press(data))

    assert await desk.states() == ["handled"]
    assert await desk.said() == []
    assert len(desk.calls.toasts) == 1


async def test_a_flood_is_recorded_but_not_answered(desk: Desk, bundle: Bundle) -> None:
    await desk.take(*[private(f"spam {n}", at=NOW + timedelta(seconds=n)) for n in range(30)])
    assert len(await desk.said()) == 20
    assert len(await desk.events("private")) == 30

    await desk.take(private("停止", at=NOW + timedelta(seconds=31)))
    assert (await desk.member())["opted_out_at"] is not None, "a wish is granted, silently"
    await desk.take(private("help", at=NOW + timedelta(minutes=5)))
    assert len(await desk.said()) == 21


async def test_writing_after_a_block_lets_the_bot_in_again(desk: Desk) -> None:
    await desk.take(private("hi"))
    await desk.conn.execute("UPDATE members SET dm = 'blocked'")
    await desk.take(private("hi again"))

    assert (await desk.member())["dm"] == "open"


HOSTILE = [
    "<script>alert(1)</script>",
    "{{ 7*7 }}{% for %}",
    "'; DROP TABLE members;--",
    "‮evil‬",
    "a\u0000b",
    "\ud800x",
    "𝕏" * 64,
]


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_names_are_stored_and_shown_harmlessly(desk: Desk, name: str) -> None:
    await desk.take(private("我的数据", user(ANN, first_name=name, last_name=name, username="ok")))

    assert await desk.states() == ["handled"]
    stored = (await desk.member())["first_name"]
    assert stored == name.replace("\0", "").replace("\ud800", "")
