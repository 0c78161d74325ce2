"""Feedback in the chats: what is taken as a suggestion or a complaint, that it is one task, and what is answered."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from community.members.models import Member
from community.playbook_feedback import Feedback
from community.privacy.personal import erase
from tests.integration.telegram_kit import (
    ANN,
    BEN,
    CLUB,
    NOW,
    SECRET,
    STAFF,
    Desk,
    desk,
    group_message,
    private,
    user,
)
from tests.integration.test_bot_care import pressed_in
from tests.integration.test_bot_live import BEN as THERE, OWNER, Live, live, telegram
from tests.shipped import shipped_bundle

__all__ = ["desk", "live", "telegram"]

RULES = shipped_bundle().playbook.feedback
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "in_group", "in_private"),
    [
        ("#建议 多一点直播回放", "suggestion", "suggestion"),
        ("多一点直播回放 ＃建议", "suggestion", "suggestion"),
        ("#建议多一点直播回放", "suggestion", "suggestion"),
        ("#建議：回放", "suggestion", "suggestion"),
        ("More replays please #Suggestion", "suggestion", "suggestion"),
        ("#suggestions box", None, None),
        ("#ideas", None, None),
        ("a#idea", None, None),
        ("建议多一点直播回放", None, None),
        ("#投诉 客服不回", "complaint", "complaint"),
        ("#idea and #complaint", "complaint", "complaint"),
        ("投诉客服不回", None, "complaint"),
        ("我要投诉", None, "complaint"),
        ("Complaint: nobody answers", None, "complaint"),
        ("complaints are boring", None, None),
        ("no complaint at all", None, None),
        ("", None, None),
    ],
)
def test_what_a_message_is_by_its_words(text: str, in_group: str | None, in_private: str | None) -> None:
    assert (RULES.told(text, private=False), RULES.told(text, private=True)) == (in_group, in_private)


@given(st.text(alphabet="#建议投诉idea x:\n", max_size=30))
def test_whatever_counts_in_a_group_counts_in_private(text: str) -> None:
    public = RULES.told(text, private=False)
    assert public in (None, RULES.told(text, private=True), "suggestion")
    assert public is None or "#" in text
    assert RULES.told(text.upper(), private=True) == RULES.told(text, private=True)


@pytest.mark.parametrize("wrong", [{"suggestion": {"en": ["idea"]}}, {"suggestion": {"en": ["#"]}},
                                   {"complaint": {"en": ["# "]}}, {"per_day": 0}, {"active_days": 8}])  # fmt: skip
def test_a_tag_that_any_message_has_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Feedback.model_validate(wrong)


async def tasks(desk: Desk) -> list[dict[str, Any]]:
    return await desk.rows(
        "SELECT f.kind, f.note, g.chat_id, f.due_at - f.created_at AS within, f.done_at FROM follow_ups f"
        " LEFT JOIN groups g ON g.id = f.group_id ORDER BY f.id"
    )


async def test_a_suggestion_in_a_group_is_a_task_and_is_thanked_for_a_while(desk: Desk) -> None:
    await desk.take(group_message("#建议 <b>回放</b>"))
    week = timedelta(days=7)
    assert await tasks(desk) == [
        {"kind": "suggestion", "note": "#建议 <b>回放</b>", "chat_id": CLUB["id"], "within": week, "done_at": None}
    ]
    assert await desk.said(STAFF) == ["bot/feedback"]
    thanks = await desk.row("SELECT * FROM messages WHERE chat_id = %s", CLUB["id"])
    assert (thanks["step"], thanks["delete_after_s"], thanks["context"]["name"]) == (
        "feedback_received",
        600,
        f"User {ANN}",
    )
    [event] = await desk.events("message")
    assert "建议" not in str(event["data"]), "what is recorded as activity has no words"


async def test_a_complaint_in_private_is_answered_there(desk: Desk) -> None:
    await desk.take(private("投诉：没人回复"))
    [task] = await tasks(desk)
    assert (task["kind"], task["chat_id"], task["within"]) == ("complaint", None, DAY)
    assert await desk.said() == ["bot/feedback_received"]
    assert await desk.said(STAFF) == ["bot/feedback"]
    assert [event["kind"] for event in await desk.events()] == ["private"]


async def test_it_goes_before_the_answer_to_what_was_asked_last(desk: Desk) -> None:
    await desk.pass_gate()
    await desk.take(private("投诉：没人回复", at=NOW + timedelta(minutes=1)), private("货源", at=NOW + 2 * DAY))
    assert [task["kind"] for task in await tasks(desk)] == ["complaint", "problem"]


async def test_the_same_words_wait_once_and_nobody_opens_many(desk: Desk) -> None:
    await desk.take(private("投诉 a"), private("投诉 a"))
    assert len(await desk.said(STAFF)) == 1
    await desk.take(*[private(f"投诉 {n}", at=NOW + timedelta(minutes=n)) for n in range(100)])
    await desk.take(*[group_message(f"#idea {n}", at=NOW + timedelta(minutes=n)) for n in range(100)])
    assert len(await tasks(desk)) == len(await desk.said(STAFF)) == RULES.per_day
    assert (await desk.said())[-1] == "bot/feedback_enough"
    await desk.take(group_message("#idea", BEN), private("投诉 again", at=NOW + DAY + timedelta(minutes=100)))
    assert len(await tasks(desk)) == RULES.per_day + 2


async def test_the_same_words_again_are_thanked_for_once_in_a_group(desk: Desk) -> None:
    await desk.take(*[group_message("#idea again", at=NOW + timedelta(seconds=n)) for n in range(20)])
    assert len(await tasks(desk)) == len(await desk.rows("SELECT FROM messages WHERE chat_id = %s", CLUB["id"])) == 1


async def test_words_below_a_picture_count_in_private_too(desk: Desk) -> None:
    photo = [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}]
    await desk.take(private(None, caption="#complaint look at this", photo=photo))
    assert [task["note"] for task in await tasks(desk)] == ["#complaint look at this"]
    assert [event["data"]["length"] for event in await desk.events()] == [len("#complaint look at this")]


async def test_what_is_passed_on_or_said_among_staff_is_nothing(desk: Desk) -> None:
    origin = {"type": "user", "date": 1, "sender_user": user(99)}
    staff = {"id": STAFF, "type": "supergroup", "title": "Staff"}
    said = group_message("#idea")
    said["message"]["chat"] = staff
    await desk.take(group_message("#idea", forward_origin=origin), group_message("nothing"), said)
    await desk.take(private("#complaint", forward_origin=origin))
    assert await tasks(desk) == []


async def test_staff_close_it_by_the_button(desk: Desk) -> None:
    await desk.take(private("投诉 a"))
    told = await desk.row("SELECT id, context FROM messages WHERE chat_id = %s", STAFF)
    await desk.take(pressed_in(STAFF, f"done:{told['context']['task']}:{told['id']}", BEN))
    assert (await tasks(desk))[0]["done_at"] is not None
    assert desk.toast()


async def test_nothing_of_it_is_left_after_an_erasure(desk: Desk) -> None:
    await desk.take(group_message("#idea secret-words"), private("投诉 secret-words"))
    await erase(desk.conn, Member(**await desk.member()), SECRET, NOW)
    assert await tasks(desk) == []
    left = str(await desk.rows("SELECT context FROM messages")) + str(await desk.rows("SELECT payload FROM updates"))
    assert "secret-words" not in left
    assert f"User {ANN}" not in left


async def test_from_the_group_to_the_thanks_over_http(live: Live) -> None:
    await live.telegram.start(THERE)
    await live.until_received(THERE, 1)
    await live.telegram.set_member(OWNER, live.club, THERE, "member")
    await live.telegram.say(THERE, live.club, "#建议 <i>回放</i>")

    async def thanked() -> list[str]:
        return [m["text"] for m in await live.telegram.history(live.club) if "Ben" in (m.get("text") or "")]

    [said] = await live.until(thanked)
    assert said.startswith("🙏 Ben")
    await live.telegram.say(THERE, None, "投诉：<b>没人回复</b>")
    assert "24" in (await live.until_received(THERE, 3))[-1]
