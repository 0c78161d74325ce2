"""Care in the chat: the survey's eleven buttons, a typed score, a wish for a talk, staff's tick."""

from datetime import timedelta

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.outbox.render import Renderer
from tests.integration.care_kit import at, care, terms_in_a_row
from tests.integration.rows import put
from tests.integration.telegram_kit import ANN, BEN, NOW, STAFF, Desk, Update, desk, press, private

__all__ = ["desk"]

ASKED = "2026-01-10:1"
HOUR = timedelta(hours=1)


def pressed_in(chat_id: int, data: str, who: int = ANN) -> Update:
    """A button pressed in a chat that Telegram names."""
    given = press(data, who)
    chat = {"id": chat_id, "type": "supergroup" if chat_id < 0 else "private", "title": "Staff", "first_name": "x"}
    given["callback_query"]["message"] = {"message_id": 3, "date": 1, "chat": chat}
    return given


@pytest.fixture
async def survey(desk: Desk, bundle: Bundle) -> int:
    """Ann was asked."""
    await desk.take(private("/start", at=NOW - HOUR), private("/start", BEN, at=NOW - HOUR))
    return await asked(desk.conn, ANN)


async def asked(conn: Connection, who: int, occurrence: str = ASKED, **columns: object) -> int:
    member = await (await conn.execute("SELECT id FROM members WHERE telegram_id = %s", [who])).fetchone()
    assert member is not None
    values = {"stage": "member_care", "step": "nps", "occurrence": occurrence, "state": "sent", "sent_at": NOW - HOUR}
    values |= {"member_id": member["id"], "chat_id": who, "promotional": True, "exempt": False}
    return await put(conn, **{**values, **columns})


async def answers(desk: Desk) -> list[tuple[str, str, int]]:
    rows = await desk.rows("SELECT survey, occurrence, score FROM survey_answers ORDER BY at")
    return [(row["survey"], row["occurrence"], row["score"]) for row in rows]


@pytest.mark.parametrize("score", range(11))
async def test_every_score_is_kept_and_thanked(desk: Desk, survey: int, score: int) -> None:
    before = len(await desk.said())
    await desk.take(press(f"nps:{score}:{survey}"))
    assert await answers(desk) == [("nps", ASKED, score)]
    [event] = await desk.events("answer")
    assert event["data"] == {"question": "nps", "choice": str(score)}
    assert desk.toast(), "thanks over the chat"
    reply = "bot/nps_detractor" if score <= 6 else "bot/nps_promoter"
    assert (await desk.said())[before:] == ([] if score in (7, 8) else [reply])
    tasks = await desk.rows("SELECT kind, occurrence, note, due_at - created_at AS within FROM follow_ups")
    told = await desk.said(STAFF)
    if score <= 6:
        assert tasks == [{"kind": "nps", "occurrence": ASKED, "note": str(score), "within": timedelta(hours=24)}]
        assert told == ["bot/nps"]
    else:
        assert (tasks, told) == ([], [])


async def test_the_newest_answer_stands_and_staff_are_told_once(desk: Desk, survey: int) -> None:
    await desk.take(press(f"nps:2:{survey}"), press(f"nps:5:{survey}"), press(f"nps:10:{survey}"))
    assert await answers(desk) == [("nps", ASKED, 10)]
    assert len(await desk.rows("SELECT 1 FROM follow_ups")) == len(await desk.said(STAFF)) == 1


async def test_each_asking_has_its_own_answer(desk: Desk, survey: int) -> None:
    again = await asked(desk.conn, ANN, "2026-01-10:2")
    await desk.take(press(f"nps:3:{survey}"), press(f"nps:9:{again}"), press(f"nps:4:{again}"))
    assert await answers(desk) == [("nps", ASKED, 3), ("nps", "2026-01-10:2", 4)]
    assert len(await desk.rows("SELECT 1 FROM follow_ups")) == 2


async def test_only_who_was_asked_may_answer(desk: Desk, survey: int) -> None:
    await desk.take(press(f"nps:1:{survey}", BEN))
    assert await answers(desk) == []
    assert await desk.said(STAFF) == []
    assert len(desk.calls.toasts) == 1, "the waiting ends all the same"


@pytest.mark.parametrize("data", ["nps:11", "nps:-1", "nps:x", "nps:1.5", "nps:", "nps", "nps:01", "nps:９", "nps:1 "])
async def test_what_is_no_score_is_nothing(desk: Desk, survey: int, data: str) -> None:
    await desk.take(press(f"{data}:{survey}"), press(data), press("nps:3"), press(f"nps:3:{survey + 1000}"))
    assert await answers(desk) == []
    assert [event["data"] for event in await desk.events("button")] == [{}] * 4


async def test_a_score_under_another_message_is_nothing(desk: Desk, survey: int) -> None:
    other = await asked(desk.conn, ANN, stage="welcome_drip", step="day_1")
    await desk.take(press(f"nps:3:{other}"))
    assert await answers(desk) == []


async def test_a_survey_sent_as_a_test_counts_nowhere(desk: Desk, survey: int) -> None:
    trial = await asked(desk.conn, ANN, "x", stage="test", step="member_care/nps")
    await desk.take(press(f"nps:0:{trial}"))
    assert await answers(desk) == []
    assert await desk.said(STAFF) == []
    assert desk.toast()


async def test_a_button_confirms_that_the_survey_arrived(desk: Desk, survey: int) -> None:
    await desk.conn.execute("UPDATE messages SET state = 'uncertain' WHERE id = %s", [survey])
    await desk.take(press(f"nps:8:{survey}"))
    assert (await desk.row("SELECT state FROM messages WHERE id = %s", survey))["state"] == "sent"


async def test_from_the_plan_to_the_answer(desk: Desk, bundle: Bundle) -> None:
    """The buttons of the message that was planned and rendered answer that asking, in every language."""
    await desk.pass_gate()
    member = await desk.member()
    await terms_in_a_row(desk.conn, member["id"], at("2026-02-02 09:00"), 3)
    await care(desk.conn, bundle, NOW)
    message = await desk.row("SELECT * FROM messages WHERE step = 'nps'")
    for locale in bundle.playbook.community.locales:
        context = {**message["context"], "message_id": message["id"], "member": {"first_name": "Ann"}}
        rows = Renderer(bundle).render("member_care/nps", locale, context).buttons
        pressed = [button.callback_data for row in rows for button in row]
        assert [data and data.rpartition(":")[0] for data in pressed] == [f"nps:{score}" for score in range(11)]
        await desk.take(press(pressed[8]))
    assert await answers(desk) == [("nps", message["occurrence"], 8)]


# Typed.


@pytest.mark.parametrize(
    ("typed", "said"),
    [("9", "bot/nps_promoter"), ("１０", "bot/nps_promoter"), (" 7 ", "bot/answer_thanks"), ("0", "bot/nps_detractor")],
)
async def test_a_bare_number_answers_the_survey(desk: Desk, survey: int, typed: str, said: str) -> None:
    await desk.take(private(typed))
    assert await answers(desk) == [("nps", ASKED, int(typed))]
    assert (await desk.said())[-1] == said


@pytest.mark.parametrize("typed", ["11", "great", "9 because", "-1"])
async def test_anything_else_typed_does_not(desk: Desk, survey: int, typed: str) -> None:
    await desk.take(private(typed))
    assert await answers(desk) == []


async def test_a_number_answers_nothing_that_was_not_asked_lately(desk: Desk, survey: int) -> None:
    await desk.take(private("9", BEN), private("9", at=NOW + timedelta(days=4)))
    assert await answers(desk) == []
    assert (await desk.said())[-1] == "bot/help"


# A talk.


async def test_a_wish_for_a_talk_is_one_task_until_it_is_done(desk: Desk, survey: int) -> None:
    offer = await asked(desk.conn, ANN, "2026-03", step="benefits")
    await desk.take(press(f"talk:{offer}"), press(f"talk:{offer}"))
    [task] = await desk.rows("SELECT id, kind, due_at - created_at AS within FROM follow_ups")
    assert (task["kind"], task["within"]) == ("talk", timedelta(hours=48))
    assert await desk.said(STAFF) == ["bot/talk"]
    assert (await desk.said())[-2:] == ["bot/talk", "bot/talk"]
    await desk.take(pressed_in(STAFF, f"done:{task['id']}:1", BEN), press(f"talk:{offer}"))
    assert len(await desk.rows("SELECT 1 FROM follow_ups")) == 2


async def test_who_was_not_offered_a_talk_gets_none(desk: Desk, survey: int) -> None:
    offer = await asked(desk.conn, ANN, "2026-03", step="benefits")
    await desk.take(press(f"talk:{offer}", BEN), press("talk"), press(f"talk:x:{offer}"))
    assert await desk.rows("SELECT 1 FROM follow_ups") == []


# Staff's tick.


async def test_a_task_is_ticked_in_the_staff_chat(desk: Desk, survey: int) -> None:
    await desk.take(press(f"nps:2:{survey}"))
    [staff] = await desk.rows("SELECT id, context FROM messages WHERE chat_id = %s", STAFF)
    task = staff["context"]["task"]
    await desk.take(pressed_in(STAFF, f"done:{task}:{staff['id']}", BEN))
    row = await desk.row("SELECT * FROM follow_ups")
    assert row["id"] == task
    assert (row["done_at"] is not None, row["done_by"]) == (True, f"member {(await desk.member(BEN))['id']}")
    assert desk.toast()


async def test_the_promise_after_a_problem_can_be_ticked_too(desk: Desk, survey: int) -> None:
    await desk.take(press("problem:price:1"))
    [staff] = await desk.rows("SELECT context FROM messages WHERE chat_id = %s", STAFF)
    await desk.take(pressed_in(STAFF, f"done:{staff['context']['task']}:1", BEN))
    assert (await desk.row("SELECT done_at FROM follow_ups"))["done_at"] is not None


async def test_nobody_ticks_elsewhere(desk: Desk, survey: int) -> None:
    await desk.take(press(f"nps:2:{survey}"))
    task = (await desk.row("SELECT id FROM follow_ups"))["id"]
    for chat in (ANN, -1001):
        await desk.take(pressed_in(chat, f"done:{task}:1"))
    await desk.take(press(f"done:{task}:1"), pressed_in(STAFF, f"done:{'9' * 19}:1"), pressed_in(STAFF, "done:x:1"))
    assert (await desk.row("SELECT done_at FROM follow_ups"))["done_at"] is None
