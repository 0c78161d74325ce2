"""The entry gate: join request, questions in private, answers, and what follows, all before the approval."""

from datetime import timedelta
from typing import Any

from community.bundle import Bundle
from community.groups.gate import sweep_gate
from community.outbox.bundles import publish
from tests.integration.telegram_kit import ANN, BEN, BOT_ID, CLUB, NOW, Desk, desk, join_request, press, private

__all__ = ["desk"]

OTHER_CLUB = {"id": -1002, "type": "supergroup", "title": "Other"}


async def decisions(desk: Desk) -> list[tuple[str, dict[str, Any]]]:
    rows = await desk.rows("SELECT method, context FROM messages WHERE method <> 'sendMessage' ORDER BY id")
    return [(row["method"], row["context"]) for row in rows]


async def test_a_join_request_is_asked_in_private_before_anything_is_approved(desk: Desk) -> None:
    await desk.take(join_request())

    assert await desk.said() == ["gate/question_1"]
    assert await decisions(desk) == []
    member = await desk.member()
    assert (member["dm"], member["dm_until_at"]) == ("temporary", NOW + timedelta(minutes=5))
    assert member["entered_at"] is None


async def test_right_answers_bring_the_welcome_then_the_approval(desk: Desk) -> None:
    await desk.pass_gate()

    assert await desk.said() == ["gate/question_1", "gate/question_2", "welcome_drip/welcome", "gate/approve"]
    assert await decisions(desk) == [("approveChatJoinRequest", {"chat_id": CLUB["id"], "user_id": ANN})]
    member = await desk.member()
    assert member["dm"] == "open"
    assert member["entered_at"] == NOW + timedelta(seconds=5)
    assert (await desk.row("SELECT state FROM join_requests"))["state"] == "passed"
    lanes = await desk.rows("SELECT lane FROM messages WHERE step IN ('welcome', 'approve') ORDER BY id")
    assert lanes[0]["lane"] <= lanes[1]["lane"], "the approval must wait behind the welcome"


async def test_a_wrong_answer_may_be_tried_again(desk: Desk) -> None:
    await desk.take(join_request(), private("yes"), private(" ＮＯ "), private("seven"))

    assert await desk.said() == [
        "gate/question_1",
        "gate/wrong",
        "gate/question_2",
        "welcome_drip/welcome",
        "gate/approve",
    ]
    verdicts = [event["data"]["verdict"] for event in await desk.events("answer")]
    assert verdicts == ["wrong", "next", "passed"]


async def test_too_many_wrong_answers_are_declined_kindly(desk: Desk) -> None:
    await desk.take(join_request(), private("yes"), private("maybe"), private("hm?"))

    assert await desk.said() == ["gate/question_1", "gate/wrong", "gate/wrong", "gate/declined", "gate/decline"]
    assert await decisions(desk) == [("declineChatJoinRequest", {"chat_id": CLUB["id"], "user_id": ANN})]
    left = await desk.rows("SELECT context -> 'attempts_left' AS n FROM messages WHERE step = 'wrong' ORDER BY id")
    assert [row["n"] for row in left] == [2, 1]


async def test_after_a_failure_a_new_request_starts_again(desk: Desk) -> None:
    await desk.take(join_request(), private("a"), private("b"), private("c"))
    await desk.take(join_request(at=NOW + timedelta(hours=1)), private("no"), private("7"))

    states = await desk.rows("SELECT state FROM join_requests ORDER BY id")
    assert [row["state"] for row in states] == ["failed", "passed"]


async def test_asking_again_while_a_request_is_open_continues_it(desk: Desk) -> None:
    await desk.take(join_request(), private("no"), join_request(at=NOW + timedelta(minutes=1)))

    assert await desk.said() == ["gate/question_1", "gate/question_2", "gate/question_2"]
    request = await desk.row("SELECT question, decide_by_at FROM join_requests")
    assert request == {"question": 1, "decide_by_at": NOW + timedelta(minutes=11)}


async def test_time_over_is_declined_with_a_message_if_the_chat_is_open(desk: Desk, bundle: Bundle) -> None:
    await desk.take(join_request(), private("yes"), join_request(BEN))
    early = await sweep_gate(desk.conn, bundle, NOW + timedelta(minutes=9), BOT_ID)
    over = await sweep_gate(desk.conn, bundle, NOW + timedelta(minutes=11), BOT_ID)
    again = await sweep_gate(desk.conn, bundle, NOW + timedelta(minutes=12), BOT_ID)

    assert (early, over, again) == (0, 2, 0)
    assert await desk.said(ANN) == ["gate/question_1", "gate/wrong", "gate/timeout", "gate/decline"]
    assert await desk.said(BEN) == ["gate/question_1", "gate/decline"], "Telegram would refuse a message to Ben"


async def test_an_answer_after_the_time_is_over_is_no_answer(desk: Desk, bundle: Bundle) -> None:
    await desk.take(join_request())
    await sweep_gate(desk.conn, bundle, NOW + timedelta(minutes=11), BOT_ID)
    await desk.take(private("no", at=NOW + timedelta(minutes=12)))

    assert await desk.said() == ["gate/question_1", "gate/decline", "bot/help"]


async def test_with_the_gate_off_the_welcome_goes_before_the_approval(desk: Desk, edited: Any) -> None:
    gate = edited().source["gate"]
    await publish(desk.conn, edited(gate={**gate, "enabled": False}), "gate off")
    await desk.take(join_request())

    assert await desk.said() == ["welcome_drip/welcome", "gate/approve"]


async def test_choices_are_answered_by_buttons_but_only_those_of_the_open_question(desk: Desk) -> None:
    await desk.take(join_request(), press("gate:no:1"), press("gate:no:1"), press("gate:7:1"))

    assert await desk.said() == ["gate/question_1", "gate/question_2"], "a stale press is no wrong answer"
    assert (await desk.row("SELECT question, attempts FROM join_requests")) == {"question": 1, "attempts": 0}


async def test_one_quiz_opens_every_group_asked_for(desk: Desk) -> None:
    await desk.take(join_request(), join_request(chat=OTHER_CLUB), private("no"), private("7"))

    chats = sorted(context["chat_id"] for _, context in await decisions(desk))
    assert chats == [-1002, -1001]
    assert (await desk.said()).count("welcome_drip/welcome") == 1


async def test_wishes_and_start_are_not_taken_for_answers(desk: Desk) -> None:
    await desk.take(join_request(), private("/start"), private("language"), private("/whatever"), private("停止"))

    assert await desk.said() == ["gate/question_1", "gate/question_1", "bot/language", "gate/question_1", "bot/stopped"]
    assert (await desk.row("SELECT attempts FROM join_requests"))["attempts"] == 0


async def test_updates_delivered_again_change_nothing(desk: Desk) -> None:
    updates = [join_request(), private("yes"), private("no"), private("7")]
    await desk.take(*updates)
    before, events = await desk.said(), len(await desk.events())
    await desk.take(*updates)

    assert await desk.said() == before
    assert len(await desk.events()) == events


async def test_the_source_is_the_invite_links_name_if_it_is_tracked(desk: Desk) -> None:
    await desk.take(join_request(link="partner-a"), join_request(BEN, link="no-such-link"))

    assert (await desk.member(ANN))["link_token"] == "partner-a"
    assert (await desk.member(BEN))["link_token"] is None
