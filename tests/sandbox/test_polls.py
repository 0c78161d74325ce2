"""Polls and quizzes: asking, voting, ending, passing on."""

from typing import Any

import pytest
from telegram import Bot, Poll
from telegram.error import BadRequest

from community.sandbox.client import SandboxClient, SandboxError
from community.sandbox.messages import Message

from .conftest import ANN, BOB, EVE, RawCaller, Served


@pytest.fixture(autouse=True)
async def opened(sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    await sandbox.start(BOB)


async def drained(bot: Bot) -> list[Any]:
    updates = await bot.get_updates(allowed_updates=[])
    if updates:
        await bot.get_updates(offset=updates[-1].update_id + 1)
    return list(updates)


async def test_votes_are_counted_shown_and_told(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", members=[ANN, BOB])
    sent = await bot.send_poll(group, "Which?", ["a", "b", "c"], is_anonymous=False, allows_multiple_answers=True)
    await drained(bot)
    await sandbox.vote(ANN, group, sent.message_id, 0, 2)
    await sandbox.vote(BOB, group, sent.message_id, 2)
    await sandbox.vote(BOB, group, sent.message_id)
    updates = await drained(bot)
    answers = [update.poll_answer for update in updates if update.poll_answer]
    assert [(answer.user.id, answer.option_ids) for answer in answers] == [(ANN, (0, 2)), (BOB, (2,)), (BOB, ())]
    last: Poll = [update.poll for update in updates if update.poll][-1]
    assert ([option.voter_count for option in last.options], last.total_voter_count) == ([1, 0, 1], 1)
    [seen] = await sandbox.history(group)
    assert seen["poll"]["options"][2]["voter_count"] == 1
    assert seen["votes"] == {str(ANN): [0, 2]}


async def test_anonymous_votes_have_no_name(bot: Bot, sandbox: SandboxClient) -> None:
    sent = await bot.send_poll(ANN, "Which?", ["a", "b"])
    await drained(bot)
    await sandbox.vote(ANN, None, sent.message_id, 1)
    [update] = await drained(bot)
    assert update.poll.options[1].voter_count == 1


@pytest.mark.parametrize(
    ("asked", "votes", "error"),
    [
        ({}, [[0, 1]], "more than 1 option"),
        ({}, [[2]], "Invalid option"),
        ({"type": "quiz", "correct_option_ids": [0]}, [[1], [0]], "Can't revote"),
        ({"type": "quiz", "correct_option_ids": [0]}, [[1], []], "Can't retract"),
        ({"is_closed": True}, [[1]], "closed poll"),
    ],
)
async def test_votes_that_do_not_count(
    bot: Bot, sandbox: SandboxClient, asked: dict[str, Any], votes: list[list[int]], error: str
) -> None:
    sent = await bot.send_poll(ANN, "Which?", ["a", "b"], **asked)
    for vote in votes[:-1]:
        await sandbox.vote(ANN, None, sent.message_id, *vote)
    with pytest.raises(SandboxError, match=error):
        await sandbox.vote(ANN, None, sent.message_id, *votes[-1])


async def test_only_who_is_there_votes_and_only_in_polls(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", members=[ANN])
    poll, text = await bot.send_poll(group, "Which?", ["a", "b"]), await bot.send_message(group, "text")
    with pytest.raises(SandboxError, match="not in"):
        await sandbox.vote(EVE, group, poll.message_id, 0)
    with pytest.raises(SandboxError, match="not a poll"):
        await sandbox.vote(ANN, group, text.message_id, 0)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"question": ""}, "text must be non-empty"),
        ({"question": "x" * 301}, "poll question length must not exceed 300"),
        ({"options": []}, "poll must have at least one answer option"),
        ({"options": ["x"] * 13}, "poll can't have more than 12 options"),
        ({"options": ["x" * 101, "y"]}, "poll options length must not exceed 100"),
        ({"options": ["", "y"]}, "text must be non-empty"),
        ({"type": "riddle"}, "unsupported poll type specified"),
        ({"type": "quiz"}, "correct quiz option list must be non-empty"),
        ({"type": "quiz", "correct_option_ids": [1, 0]}, "correct quiz option list must be increasing"),
        ({"type": "quiz", "correct_option_ids": [2]}, "wrong quiz correct_option_id"),
        ({"type": "quiz", "correct_option_ids": [0], "explanation": "x" * 201}, "MESSAGE_TOO_LONG"),
        ({"open_period": 4}, "POLL_OPEN_PERIOD_INVALID"),
        ({"close_date": 4}, "POLL_CLOSE_DATE_INVALID"),
        ({"members_only": True}, "poll voters can be restricted only in channel chats"),
    ],
)
async def test_polls_that_are_refused(call: RawCaller, asked: dict[str, Any], error: str) -> None:
    status, answer = await call("sendPoll", chat_id=ANN, **({"question": "?", "options": ["a", "b"]} | asked))
    assert (status, answer["description"]) == (400, f"Bad Request: {error}")


async def test_a_quiz_keeps_its_answer_from_those_it_is_forwarded_to(
    bot: Bot, other: Bot, sandbox: SandboxClient
) -> None:
    sent = await bot.send_poll(
        ANN, "2 + 2?", ["3", "4"], type="quiz", correct_option_ids=[1], explanation="*four*",
        explanation_parse_mode="MarkdownV2", description="sums",
    )  # fmt: skip
    assert sent.poll is not None
    assert (sent.poll.correct_option_ids, sent.poll.explanation) == ((1,), "four")
    assert sent.poll.description == "sums"
    await sandbox.start(ANN, bot="sandbox5151_bot")
    await sandbox.forward(ANN, None, sent.message_id, "sandbox5151_bot")
    hidden = (await other.get_updates())[-1].message.poll  # type: ignore[union-attr]
    assert hidden is not None
    assert (hidden.correct_option_ids, hidden.explanation) == ((), None)


async def test_forwarded_polls_are_one_poll_and_copies_are_not(bot: Bot, sandbox: SandboxClient) -> None:
    sent = await bot.send_poll(ANN, "Which?", ["a", "b"])
    forwarded = await bot.forward_message(BOB, ANN, sent.message_id)
    copied = await bot.copy_message(BOB, ANN, sent.message_id)
    await sandbox.vote(BOB, None, forwarded.message_id, 0)
    here, there, copy = [*await sandbox.received(ANN), *await sandbox.received(BOB)]
    assert here["poll"] == there["poll"]
    assert here["poll"]["total_voter_count"] == 1
    assert (copy["message_id"], copy["poll"]["total_voter_count"]) == (copied.message_id, 0)
    with pytest.raises(BadRequest, match=r"(?i)poll can't be stopped"):
        await bot.stop_poll(BOB, forwarded.message_id)


async def test_a_poll_can_be_stopped_once(bot: Bot, sandbox: SandboxClient) -> None:
    sent = await bot.send_poll(ANN, "Which?", ["a", "b"])
    text = await bot.send_message(ANN, "text")
    for message_id, error in [(1, "message with poll to stop not found"), (text.message_id, "message is not a poll")]:
        with pytest.raises(BadRequest, match=f"(?i){error}"):
            await bot.stop_poll(ANN, message_id)
    await drained(bot)
    assert (await bot.stop_poll(ANN, sent.message_id)).is_closed
    assert [update.poll.is_closed for update in await drained(bot)] == [True]
    with pytest.raises(BadRequest, match=r"(?i)poll has already been closed"):
        await bot.stop_poll(ANN, sent.message_id)
    with pytest.raises(SandboxError, match="closed poll"):
        await sandbox.vote(ANN, None, sent.message_id, 0)


async def test_a_poll_ends_by_sandbox_time(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.freeze_clock()
    sent = await bot.send_poll(ANN, "Which?", ["a", "b"], open_period=600)
    assert sent.poll is not None
    assert sent.poll.close_date is not None
    await drained(bot)
    await sandbox.advance_clock(599)
    await sandbox.vote(ANN, None, sent.message_id, 0)
    await sandbox.advance_clock(2)
    assert [update.poll.is_closed for update in await drained(bot)] == [False, True]
    with pytest.raises(SandboxError, match="closed poll"):
        await sandbox.vote(ANN, None, sent.message_id, 1)


async def test_polls_ask_the_bot_that_sent_them_only(
    bot: Bot, other: Bot, sandbox: SandboxClient, served: Served
) -> None:
    group = await sandbox.create_group("Group", members=[ANN])
    sent = await bot.send_poll(group, "Which?", ["a", "b"], is_anonymous=False)
    await sandbox.vote(ANN, group, sent.message_id, 0)
    assert await other.get_updates() == ()
    channel = await sandbox.create_group("Channel")
    served.app.world.groups[channel].kind = "channel"
    with pytest.raises(BadRequest, match=r"(?i)non-anonymous polls can't be sent to channel chats"):
        await bot.send_poll(channel, "Which?", ["a", "b"], is_anonymous=False)


class Seen:
    """A watcher that notes what changed of messages."""

    def __init__(self) -> None:
        self.changes: list[tuple[int, bool]] = []

    def message(self, message: Message) -> None:
        self.changes.append((message.id, message.deleted is not None))

    def __getattr__(self, name: str) -> Any:
        return lambda *whatever: None


async def test_whoever_watches_sees_every_change(bot: Bot, sandbox: SandboxClient, served: Served) -> None:
    seen = Seen()
    served.app.world.live.watchers.add(seen)
    sent = await bot.send_poll(ANN, "Which?", ["a", "b"])
    seen.changes.clear()
    await sandbox.vote(ANN, None, sent.message_id, 0)
    await sandbox.react(ANN, None, sent.message_id)
    await bot.stop_poll(ANN, sent.message_id)
    await sandbox.delete(ANN, None, sent.message_id)
    served.app.world.live.watchers.remove(seen)
    assert seen.changes == [(sent.message_id, False)] * 3 + [(sent.message_id, True)]
