"""The control interface: bulk actions, reading, clock, journal."""

import pytest
from telegram import Bot

from community.sandbox.actions import GESTURES
from community.sandbox.client import SandboxClient, SandboxError

from .conftest import ANN, BOB, EVE, RawCaller


async def test_bulk_actions_report_errors_one_by_one(bot: Bot, sandbox: SandboxClient) -> None:
    results = await sandbox.act_all(
        [
            {"do": "say", "user": ANN, "text": "hi", "at": 1_700_000_000},
            {"do": "say", "user": 999, "text": "hi"},
            {"do": "fly", "user": ANN},
            {"do": "say", "user": "x"},
            {"do": "say", "user": ANN, "text": "hi", "wings": 2},
            {"do": "start", "user": ANN, "payload": "not allowed!"},
            "nonsense",  # type: ignore[list-item]
            {"do": "say", "user": BOB, "text": "ho"},
        ]
    )
    assert [result["ok"] for result in results] == [True, False, False, False, False, False, False, True]
    assert all(result["error"] for result in results if not result["ok"])
    first, second = [update.message for update in await bot.get_updates() if update.message]
    assert first.date.timestamp() == 1_700_000_000
    assert second.date.timestamp() > 1_700_000_000


async def test_hundreds_of_users_and_actions_in_one_request(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.create_users([{"id": number, "first_name": "U"} for number in range(1000, 1500)])
    results = await sandbox.act_all([{"do": "start", "user": number} for number in range(1000, 1500)])
    assert all(result["ok"] for result in results)
    assert (await sandbox.pending())[bot.id] == 500


async def test_numbers_are_unique(sandbox: SandboxClient) -> None:
    for taken in (ANN, 4242):
        with pytest.raises(SandboxError, match="taken"):
            await sandbox.create_user(taken)
    with pytest.raises(SandboxError, match="unknown"):
        await sandbox.create_group("Group", members=[999])


async def test_the_clock_dates_messages(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    await sandbox.set_clock(1_800_000_000, frozen=True)
    await sandbox.advance_clock(5)
    assert (await bot.send_message(ANN, "hi")).date.timestamp() == 1_800_000_005
    assert len(await sandbox.received(ANN, since=1_800_000_005)) == 1
    assert not await sandbox.received(ANN, since=1_800_000_006)
    await sandbox.set_clock(1_700_000_000)
    assert 1_700_000_000 <= await sandbox.now() < 1_700_000_060
    await sandbox.real_clock()
    assert await sandbox.now() > 1_790_000_000


async def test_the_journal_tells_each_call_and_its_outcome(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    await bot.send_message(ANN, "hi")
    with pytest.raises(Exception, match="initiate"):
        await bot.send_message(BOB, "hi")
    good, bad = await sandbox.journal(method="sendMessage")
    assert (good["chat_id"], good["params"]["text"], good["error"]) == (str(ANN), "hi", None)
    assert (bad["error"], bad["description"]) == (403, "Forbidden: bot can't initiate conversation with a user")
    assert bad["arrived"] >= good["arrived"]
    assert await sandbox.journal(after=bad["number"]) == []
    assert len(await sandbox.journal(chat_id=BOB)) == 1


async def test_deliveries_can_be_followed(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    group = await sandbox.create_group("Group")
    await bot.send_message(ANN, "one")
    feed = await sandbox.delivered()
    assert [message["text"] for message in feed["messages"]] == ["one"]
    await bot.send_message(group, "two")
    feed = await sandbox.delivered(feed["next"])
    assert [(message["text"], message["chat_id"]) for message in feed["messages"]] == [("two", group)]
    assert (await sandbox.delivered(feed["next"]))["messages"] == []


async def test_history_is_as_the_member_sees_it(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN, payload="x")
    await bot.send_message(ANN, "<b>hi</b>", parse_mode="HTML")
    said, answered = await sandbox.history(user=ANN)
    assert (said["text"], said["from"]["id"]) == ("/start x", ANN)
    assert (answered["entities"][0]["type"], answered["from"]["is_bot"]) == ("bold", True)


async def test_a_document_that_is_not_base64_is_refused(sandbox: SandboxClient) -> None:
    with pytest.raises(SandboxError, match="base64"):
        await sandbox.say(ANN, None, document={"name": "a", "data": "?"})


async def test_members_are_set_by_hand(sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", owner=EVE)
    for status in ("member", "administrator", "member", "kicked"):
        await sandbox.set_member(EVE, group, ANN, status)
    [seen] = (await sandbox.chats())["groups"]
    assert seen["banned"] == [ANN]


async def test_every_client_gesture_is_known(sandbox: SandboxClient) -> None:
    assert all(hasattr(SandboxClient, name) for name in GESTURES)


async def test_empty_answers_for_unknown_things(sandbox: SandboxClient, call: RawCaller) -> None:
    assert await sandbox.received(12345) == []
    for asked in (sandbox.history(-5), sandbox.callback("1"), sandbox.history(user=999)):
        with pytest.raises(SandboxError, match="no "):
            await asked
