"""Polls and quizzes: sending and stopping."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from community.sandbox.access import find_chat
from community.sandbox.chats import Chat, Group
from community.sandbox.errors import bad_request
from community.sandbox.formatting import formatted
from community.sandbox.keyboards import read_markup
from community.sandbox.messages import Message
from community.sandbox.methods.registry import Call, method
from community.sandbox.methods.sending import Sending, read_caption, writable_chat
from community.sandbox.params import Params
from community.sandbox.polls import Poll
from community.sandbox.voting import close, show

JSON = dict[str, Any]
QUESTION_LIMIT = 300
OPTION_LIMIT = 100
OPTIONS = 12
EXPLANATION_LIMIT, EXPLANATION_LINES = 200, 2
OPEN = range(5, 2_628_001)
"""Seconds a poll may stay open by itself (Bot API, sendPoll)."""


@method("sendPoll", paced=True)
def send_poll(call: Call) -> JSON:
    chat = writable_chat(call, "poll")
    poll = _read(call, chat)
    poll.about = _description(call.params)
    return post_poll(call, Sending(call, chat), poll, {}).as_json(call.bot)


def post_poll(call: Call, sending: Sending, poll: Poll, more: JSON) -> Message:
    """A new poll in a message of its own, with `more` content."""
    message = sending.post(more | {"poll": poll.in_message()})
    show(call.world, poll, message)
    return message


def _description(params: Params) -> JSON:
    """It has the rules of a caption."""
    names = {"description": "caption", "description_parse_mode": "parse_mode"}
    names |= {"description_entities": "caption_entities"}
    found = read_caption(Params({ours: params.raw[theirs] for theirs, ours in names.items() if theirs in params.raw}))
    return {key.replace("caption", "description"): value for key, value in found.items()}


def _read(call: Call, chat: Chat) -> Poll:
    params = call.params
    quiz = _is_quiz(params)
    asked: JSON = _marked(params, "question", QUESTION_LIMIT, "poll question")
    options = _options(params)
    asked |= {
        "type": "quiz" if quiz else "regular",
        "is_anonymous": params.flag("is_anonymous", True),
        "allows_multiple_answers": params.flag("allows_multiple_answers"),
        "allows_revoting": params.flag("allows_revoting", not quiz),
        "members_only": params.flag("members_only"),
    }
    _check_place(chat, asked)
    if quiz:
        asked |= {"correct_option_ids": _correct(params, len(options))} | _explanation(params)
    close_date = _closing(call, asked)
    return Poll(call.bot, asked, options, close_date, params.flag("is_closed"))


def _is_quiz(params: Params) -> bool:
    kind = params.text("type") or "regular"
    if kind not in ("quiz", "regular"):
        raise bad_request("unsupported poll type specified")
    return kind == "quiz"


def _marked(params: Params, name: str, limit: int, what: str) -> JSON:
    """A text with its entities under `name` and `name_entities`."""
    given = params.listing(f"{name}_entities")
    text, entities = formatted(params.text(name), params.text(f"{name}_parse_mode"), given)
    if not text:
        raise bad_request("text must be non-empty")
    if len(text) > limit:
        raise bad_request(f"{what} length must not exceed {limit}")
    entities = [entity for entity in entities if entity["type"] == "custom_emoji"]
    return {name: text} | ({f"{name}_entities": entities} if entities else {})


def _options(params: Params) -> list[JSON]:
    """Strings, or objects with text and entities (Bot API, InputPollOption)."""
    given = params.listing("options")
    if not given:
        raise bad_request("poll must have at least one answer option")
    if len(given) > OPTIONS:
        raise bad_request(f"poll can't have more than {OPTIONS} options")
    return [{"persistent_id": str(index)} | _option(option) for index, option in enumerate(given)]


def _option(option: Any) -> JSON:
    if isinstance(option, str):
        option = {"text": option}
    return _marked(Params(option), "text", OPTION_LIMIT, "poll options")


def _check_place(chat: Chat, asked: JSON) -> None:
    channel = isinstance(chat, Group) and chat.kind == "channel"
    if channel and not asked["is_anonymous"]:
        raise bad_request("non-anonymous polls can't be sent to channel chats")
    if asked["members_only"] and not channel:
        raise bad_request("poll voters can be restricted only in channel chats")


def _correct(params: Params, options: int) -> list[int]:
    """The right answers of a quiz."""
    ids = params.listing("correct_option_ids") or []
    if not ids:
        raise bad_request("correct quiz option list must be non-empty")
    if any(after <= before for before, after in pairwise(ids)):
        raise bad_request("correct quiz option list must be increasing")
    if not all(0 <= number < options for number in ids):
        raise bad_request("wrong quiz correct_option_id")
    return ids


def _explanation(params: Params) -> JSON:
    given = params.listing("explanation_entities")
    text, entities = formatted(params.text("explanation"), params.text("explanation_parse_mode"), given)
    if len(text) > EXPLANATION_LIMIT or text.count("\n") > EXPLANATION_LINES:
        raise bad_request("MESSAGE_TOO_LONG")
    if not text:
        return {}
    return {"explanation": text} | ({"explanation_entities": entities} if entities else {})


def _closing(call: Call, asked: JSON) -> int | None:
    """When the poll ends by itself, in sandbox seconds; a period goes before a date."""
    period, date, now = call.params.integer("open_period"), call.params.integer("close_date"), call.world.clock.date()
    if period:
        if period not in OPEN:
            raise (
                bad_request("POLL_OPEN_PERIOD_INVALID") if period > 0 else bad_request("invalid open_period specified")
            )
        asked |= {"open_period": period, "close_date": now + period}
    elif date:
        if date - now not in OPEN:
            raise bad_request("POLL_CLOSE_DATE_INVALID")
        asked["close_date"] = date
    end: int | None = asked.get("close_date")
    return end


@method("stopPoll")
def stop_poll(call: Call) -> JSON:
    chat = find_chat(call.world, call.bot, call.params)
    message = chat.message(call.params.integer("message_id"))
    if message is None:
        raise bad_request("message with poll to stop not found")
    poll = message.poll
    if poll is None:
        raise bad_request("message is not a poll")
    if message.sender is not call.bot or "forward_origin" in message.content:
        raise bad_request("poll can't be stopped")
    if poll.closed:
        raise bad_request("poll has already been closed")
    message.markup = read_markup(call.params)
    close(call.world, poll)
    return poll.as_json()
