"""A proposal in the staff chat: asked about with its reasons, decided by a button there and nowhere else, told of."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from community.bundle import Bundle
from community.outbox.bundles import Bundles, publish
from community.outbox.compose import Composer
from community.outreach.decide import settle
from community.outreach.plan import one_planner
from community.outreach.proposal import Proposal
from community.outreach.proposals import find_proposal, propose_backfill, propose_send
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.telegram_kit import ANN, BEN, CLUB, STAFF, Desk, Update, desk, press

__all__ = ["desk"]

STAGE = "welcome_drip"
DAY = timedelta(days=1)
STEP = {"name": "day_1", "day": 1, "at": "10:00", "expires_after": "20d", "promotional": True}
Edit = Callable[..., Bundle]


def pressed(data: str, who: int = ANN, chat: dict[str, Any] | None = None) -> Update:
    """A button pressed under a message of the bot's in that chat; by default the staff chat."""
    found = press(data, who)
    chat = chat or {"id": STAFF, "type": "supergroup", "title": "Staff"}
    found["callback_query"]["message"] = {"message_id": 5, "date": 1_772_000_000, "chat": chat}
    return found


@pytest.fixture
async def patient(desk: Desk, bundle: Bundle, edited: Edit) -> Bundle:
    """One step that stays useful for weeks; a part is 20 %."""
    found = edited(steps=[STEP], approval={"first": 20})
    await publish(desk.conn, found, "patient")
    return found


@pytest.fixture
async def asked(desk: Desk, patient: Bundle, member: MakeMember) -> Proposal:
    """Ten messages wait for a word, of two it is known why they are not sent. SOP time stands at noon."""
    await desk.conn.execute("UPDATE installation SET virtual_now_at = %s", [NOON])
    for _ in range(10):
        await member(entered_at=NOON - DAY)
    await member(entered_at=NOON - DAY, dm="blocked")
    await member(entered_at=NOON - DAY, opted_out_at=NOON)
    whose = {"bot_id": BOT_ID, "run_id": "run", "staff_chat": STAFF}
    return await propose_send(desk.conn, patient, STAGE, NOON, **whose)


async def heard(desk: Desk) -> list[dict[str, Any]]:
    """What was said in the staff chat, as it reads there."""
    composer = Composer(Bundles(), bot_id=BOT_ID, username="the_bot", links_url=None, link_secret="")
    query = (
        "SELECT w.*, w.template, NULL AS first_name, NULL AS last_name, NULL AS username, NULL AS locale,"
        " NULL AS group_title, NULL AS zone FROM messages w WHERE chat_id = %s AND stage = 'staff' ORDER BY id"
    )
    found = []
    for row in await desk.rows(query, STAFF):
        for locale in ("zh-Hans", "zh-Hant", "en"):
            shown = await composer.compose(desk.conn, {**row, "locale": locale})
        buttons = [button.callback_data for line in shown.buttons for button in line]  # type: ignore[union-attr]
        found.append({"step": row["step"], "text": shown.text, "buttons": buttons})  # type: ignore[union-attr]
    return found


async def states(desk: Desk) -> dict[str, int]:
    rows = await desk.rows("SELECT state, count(*) AS n FROM messages WHERE stage = %s GROUP BY 1", STAGE)
    return {row["state"]: row["n"] for row in rows}


async def work(desk: Desk, later: timedelta = timedelta()) -> int:
    """What the service does every two seconds."""
    return await settle(desk.conn, Bundles(), NOON + later, bot_id=BOT_ID, staff_chat=STAFF)


async def test_the_staff_chat_is_asked_with_reasons_deadline_and_buttons(desk: Desk, asked: Proposal) -> None:
    [question] = await heard(desk)
    for part in ("10 messages", "Not sent: 2", "blocked the bot: 1", "stopped messages: 1", "5 Mar, 00:00", asked.hash):
        assert part in question["text"], part
    number = (await desk.row("SELECT id FROM messages WHERE stage = 'staff'"))["id"]
    words = ("send", "first", "cancel")
    assert question["buttons"] == [f"approve:{asked.id}_{word}:{number}" for word in words]


async def test_it_is_asked_in_the_transaction_that_makes_the_proposal(
    desk: Desk, patient: Bundle, member: MakeMember
) -> None:
    await member(entered_at=NOON - DAY)
    with pytest.raises(ZeroDivisionError):
        async with desk.conn.transaction():
            whose = {"bot_id": BOT_ID, "run_id": "run", "staff_chat": STAFF}
            await propose_send(desk.conn, patient, STAGE, NOON, **whose)
            raise ZeroDivisionError
    assert await desk.rows("SELECT 1 FROM messages UNION ALL SELECT 1 FROM plans") == []


async def test_the_button_approves_and_proves_who_did(desk: Desk, asked: Proposal) -> None:
    await desk.take(pressed(f"approve:{asked.id}_send:1"))
    who = (await desk.member())["id"]
    found = await find_proposal(desk.conn, asked.hash)
    assert (found.state, found.decided_by, found.decided_how) == ("approved", str(who), "staff_chat")
    assert found.by == f"member {who}"
    assert "几秒内开始发送" in desk.toast()

    assert await work(desk) == 1
    assert await states(desk) == {"waiting": 10}
    assert f"10 messages go out now.</b> Approved by member #{who}" in (await heard(desk))[-1]["text"]
    assert await work(desk) == 0


async def test_the_words_over_the_chat_are_in_the_members_language(desk: Desk, asked: Proposal) -> None:
    await desk.take(pressed("language:en:1"), pressed(f"approve:{asked.id}_cancel:1"))
    assert desk.toast() == "Cancelled: it is not sent."
    assert await states(desk) == {"cancelled": 10}
    assert "10 messages are not sent.</b> Cancelled by member #" in (await heard(desk))[-1]["text"]


async def test_who_comes_later_is_told_who_decided(desk: Desk, asked: Proposal) -> None:
    await desk.take(pressed(f"approve:{asked.id}_send:1"))
    first = (await desk.member())["id"]
    await desk.take(pressed("language:en:1", BEN), pressed(f"approve:{asked.id}_cancel:1", BEN))
    assert desk.toast() == f"Already approved by member #{first}."
    await work(desk)
    await desk.take(pressed(f"approve:{asked.id}_cancel:1", BEN))
    assert desk.toast() == f"Already approved by member #{first}."
    assert await states(desk) == {"waiting": 10}


PLACES = [
    {"id": ANN, "type": "private", "first_name": "Ann"},
    CLUB,
    {"id": STAFF - 1, "type": "supergroup", "title": "Staff"},
]


@pytest.mark.parametrize("chat", PLACES, ids=["private", "group", "another"])
@pytest.mark.parametrize("word", ["send", "first", "cancel"])
async def test_pressed_elsewhere_it_changes_nothing_and_says_so(
    desk: Desk, asked: Proposal, chat: dict[str, Any], word: str
) -> None:
    await desk.take(pressed(f"approve:{asked.id}_{word}:1", chat=chat))
    assert "只能在工作群里决定" in desk.toast()
    assert (await find_proposal(desk.conn, asked.hash)).state == "proposed"
    assert await work(desk) == 0
    [event] = await desk.events("button")
    assert event["data"] == {}


async def test_without_a_message_or_a_staff_chat_nobody_decides(desk: Desk, asked: Proposal) -> None:
    await desk.take(press(f"approve:{asked.id}_send:1"))
    desk.workers._staff_chat = None
    await desk.take(press(f"approve:{asked.id}_send:1"), pressed(f"approve:{asked.id}_send:1"))
    assert (await find_proposal(desk.conn, asked.hash)).state == "proposed"
    assert all("只能在工作群里决定" in str(text) for _, text in desk.calls.toasts)


@pytest.mark.parametrize(
    "argument", ["999_send", "1_delete", "_send", "send", "0_send", "1_send_", "٣_send", "9999999999_send", "' OR 1=1"]
)
async def test_an_unknown_plan_or_word_changes_nothing_and_says_so(desk: Desk, asked: Proposal, argument: str) -> None:
    await desk.take(pressed(f"approve:{argument}:1"))
    assert "没有这个计划" in desk.toast()
    assert (await find_proposal(desk.conn, asked.hash)).state == "proposed"


async def test_a_run_is_no_proposal(desk: Desk, asked: Proposal) -> None:
    row = await desk.row(
        "INSERT INTO plans (stage, as_of_at, planned_wall, state, bundle)"
        " VALUES ('welcome_drip', clock_timestamp(), clock_timestamp(), 'executed', 'x') RETURNING id"
    )
    await desk.take(pressed(f"approve:{row['id']}_cancel:1"))
    assert "没有这个计划" in desk.toast()


async def test_a_part_first_then_the_chat_is_asked_again(desk: Desk, asked: Proposal) -> None:
    await desk.take(pressed(f"approve:{asked.id}_first:1"))
    assert "先发一部分" in desk.toast()
    await work(desk)
    assert await states(desk) == {"waiting": 2}
    again = (await heard(desk))[-1]
    assert "8 messages wait for your word" in again["text"]
    assert "2 went first" in again["text"]
    await desk.take(pressed(f"approve:{asked.id}_send:1", BEN))
    await work(desk)
    assert await states(desk) == {"waiting": 10}
    assert [told["step"] for told in await heard(desk)] == ["approval", "approval", "decided"]


async def test_nobody_decides_in_time(desk: Desk, asked: Proposal) -> None:
    assert await work(desk, timedelta(hours=12) - timedelta(seconds=1)) == 0
    await desk.conn.execute("UPDATE installation SET virtual_now_at = %s", [NOON + timedelta(hours=12)])
    await desk.take(pressed("language:en:1"), pressed(f"approve:{asked.id}_send:1"))
    assert desk.toast() == "Too late: the time to decide is over, it is not sent."
    assert await work(desk, timedelta(hours=12)) == 1
    assert await states(desk) == {"cancelled": 10}
    assert "Nobody decided in time." in (await heard(desk))[-1]["text"]
    await desk.take(pressed(f"approve:{asked.id}_send:1"))
    assert desk.toast() == "Too late: nobody decided in time, it is not sent."


async def test_a_backfill_that_cannot_be_sent_any_more_is_told_and_left(
    desk: Desk, patient: Bundle, edited: Edit, member: MakeMember
) -> None:
    await desk.conn.execute("UPDATE installation SET virtual_now_at = %s", [NOON])
    await member(entered_at=NOON - DAY)
    days, whose = (NOON.date(), NOON.date(), NOON), {"bot_id": BOT_ID, "run_id": "run", "staff_chat": STAFF}
    found = await propose_backfill(desk.conn, patient, STAGE, *days, **whose)
    await desk.take(pressed(f"approve:{found.id}_send:1"))
    await publish(desk.conn, edited(steps=[STEP], approval={"first": 1}), "another")
    assert await work(desk) == 1
    assert await work(desk) == 0
    assert (await find_proposal(desk.conn, found.hash)).state == "refused"
    question, told = await heard(desk)
    assert "Made up for: 2026-03-04 to 2026-03-04" in question["text"]
    assert "cannot be sent any more" in told["text"]
    assert "playbook or copy changed" in told["text"]


async def test_what_is_planned_at_a_console_asks_nobody(desk: Desk, patient: Bundle, member: MakeMember) -> None:
    await member(entered_at=NOON - DAY)
    days = (NOON.date(), NOON.date(), NOON)
    await propose_backfill(desk.conn, patient, STAGE, *days, bot_id=BOT_ID, staff_chat=STAFF)
    await work(desk, 8 * DAY)
    assert await heard(desk) == []


async def test_executing_waits_for_a_planner_at_work(desk: Desk, asked: Proposal) -> None:
    async with desk.pool.connection() as other, other.transaction():
        await one_planner(other, BOT_ID)
        await desk.take(pressed(f"approve:{asked.id}_send:1"))
        assert (await find_proposal(desk.conn, asked.hash)).state == "approved", "the word does not wait"
    await work(desk)
    assert await states(desk) == {"waiting": 10}
