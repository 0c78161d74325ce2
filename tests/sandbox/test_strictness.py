"""Calls are held against the description of the Bot API, and refused in Telegram's words."""

from __future__ import annotations

import json
from typing import Any

import pytest
import telegram

from community.sandbox.client import SandboxClient
from community.sandbox.description import library
from community.sandbox.description.calls import described
from community.sandbox.errors import ApiError
from community.sandbox.methods import METHODS
from community.sandbox.params import Params
from tests.sandbox.conftest import ANN, RawCaller

MARKUP = "reply_markup"
BUTTON = {"text": "Go", "callback_data": "go"}

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("sendMessage", {"chat_id": None}, "chat_id is empty"),
    ("sendMessage", {"text": None}, "message text is empty"),
    ("sendMessage", {"disable_web_page_preview": True}, 'parameter "disable_web_page_preview" is unknown'),
    ("sendMessage", {"reply_to_message_id": 5}, 'parameter "reply_to_message_id" is unknown'),
    ("sendMessage", {"protect_content": "perhaps"}, "invalid protect_content specified"),
    ("sendMessage", {"message_thread_id": "first"}, "invalid message_thread_id specified"),
    ("sendMessage", {"message_thread_id": 1.5}, "invalid message_thread_id specified"),
    ("sendMessage", {"message_thread_id": True}, "invalid message_thread_id specified"),
    ("sendMessage", {"message_thread_id": 2**63}, "invalid message_thread_id specified"),
    ("sendMessage", {"text": ["x"]}, "invalid text specified"),
    ("sendMessage", {"chat_id": {"id": ANN}}, "invalid chat_id specified"),
    ("sendMessage", {"entities": [{"type": "bold", "offset": 0}]}, "can't parse MessageEntity: Can't find field"),
    ("sendMessage", {"entities": {"type": "bold"}}, "expected an Array of MessageEntity"),
    ("sendMessage", {"entities": [{"type": "bold", "offset": "0", "length": 1}]}, "must be of type Integer"),
    ("sendMessage", {"link_preview_options": "{"}, "can't parse link preview options JSON object"),
    ("sendMessage", {"link_preview_options": []}, "object expected as link preview options"),
    ("sendMessage", {"link_preview_options": {"is_disabeld": True}}, 'unknown field "is_disabeld"'),
    ("sendMessage", {"reply_parameters": {}}, "can't parse reply parameters: Can't find field \"message_id\""),
    ("sendMessage", {MARKUP: "{"}, "can't parse reply keyboard markup JSON object"),
    ("sendMessage", {MARKUP: [[BUTTON]]}, "object expected as reply markup"),
    ("sendMessage", {MARKUP: {"inline_keyboard": [BUTTON]}}, 'Field "inline_keyboard" must be an Array of Arrays'),
    ("sendMessage", {MARKUP: {"inline_keyboard": [[{"url": "https://a.b"}]]}}, "can't parse inline keyboard button: "),
    ("sendMessage", {MARKUP: {"remove_keyboard": "yes"}}, "object expected as reply markup"),
    ("sendPhoto", {}, "there is no photo in the request"),
    ("sendMediaGroup", {"media": [{"type": "movie"}, {}]}, 'can\'t parse InputMedia: type "movie" is unsupported'),
    ("sendMediaGroup", {"media": [{"media": "x"}]}, "can't parse InputMedia: Can't find field \"type\""),
    ("deleteMessage", {}, "message identifier is not specified"),
    ("deleteMessages", {"message_ids": ["one"]}, "message identifier must be a Number"),
    ("getChatMember", {}, "invalid user_id specified"),
    ("setMyCommands", {}, 'parameter "commands" is required'),
    ("setMyCommands", {"commands": [{"command": "go"}]}, "can't parse BotCommand: Can't find field \"description\""),
    ("getMyCommands", {"scope": {"type": "chat"}}, "can't parse BotCommandScope: Can't find field \"chat_id\""),
    ("setMessageReaction", {"message_id": 1, "reaction": "👍"}, "can't parse reaction JSON object"),
    ("restrictChatMember", {"user_id": 1, "permissions": {"can_sing": True}}, "can't parse chat permissions: "),
    ("answerCallbackQuery", {}, "query is too old"),
    ("getUpdates", {"allowed_updates": ["message", 5]}, "expected an Array of String"),
]


@pytest.mark.parametrize(("method", "params", "why"), REFUSED, ids=[f"{m}-{why[:30]}" for m, _, why in REFUSED])
async def test_a_wrong_call_is_refused(call: RawCaller, method: str, params: dict[str, Any], why: str) -> None:
    usual = {"chat_id": ANN, "text": "x"}
    known = described(method).arguments
    status, answer = await call(method, **{name: usual[name] for name in usual if name in known} | params)
    assert (status, answer["description"].split(": ")[0]) == (400, "Bad Request")
    assert why in answer["description"]


async def test_forms_and_json_are_read_alike(call: RawCaller, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    markup = {"inline_keyboard": [[BUTTON]]}
    for value in (markup, json.dumps(markup)):
        texts = {"chat_id": str(ANN), "text": "x", "protect_content": "True"}
        status, answer = await call("sendMessage", **texts, reply_markup=value)
        assert (status, answer["result"]["reply_markup"]) == (200, markup)
    query = f"{call.url}/bot4242:sandbox-token/sendMessage?chat_id={ANN}&text=5&protect_content=1&message_thread_id="
    async with call.session.get(query) as response:
        assert response.status == 200


async def test_null_is_absent_as_a_parameter_only(call: RawCaller, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    assert (await call("sendMessage", chat_id=ANN, text="x", reply_markup=None, entities=None))[0] == 200
    markup = {"inline_keyboard": [[BUTTON | {"url": None}]]}
    _, answer = await call("sendMessage", chat_id=ANN, text="x", reply_markup=markup)
    assert 'can\'t parse inline keyboard button: Field "url" must be of type String' in answer["description"]


async def test_what_telegram_has_and_the_sandbox_has_not_is_told_apart(call: RawCaller) -> None:
    absent = next(name for name in library.functions() if name not in METHODS)
    for name in (absent, absent.upper()):
        status, answer = await call(name)
        told = f"Bad Request: method {absent} is known to Telegram but not to this sandbox"
        assert (status, answer["description"]) == (400, told)
    assert (await call("sendNothing"))[0] == 404


async def test_a_refused_call_stands_in_the_journal(call: RawCaller, sandbox: SandboxClient) -> None:
    await call("sendMessage", chat_id=ANN, text="x", txet="y")
    [entry] = await sandbox.journal(method="sendMessage")
    assert (entry["error"], "unknown" in entry["description"]) == (400, True)


OBJECTS: list[tuple[str, str, telegram.TelegramObject | list[telegram.TelegramObject]]] = [
    ("sendMessage", MARKUP, telegram.ForceReply(selective=True)),
    ("sendMessage", MARKUP, telegram.ReplyKeyboardRemove()),
    ("sendMessage", MARKUP, telegram.ReplyKeyboardMarkup([["a", telegram.KeyboardButton("b", request_contact=True)]])),
    ("sendMessage", MARKUP, telegram.InlineKeyboardMarkup([[telegram.InlineKeyboardButton("a", url="https://a.b")]])),
    ("sendMessage", "reply_parameters", telegram.ReplyParameters(5, chat_id="@x", quote="q")),
    ("sendMessage", "link_preview_options", telegram.LinkPreviewOptions(is_disabled=True)),
    ("setMyCommands", "scope", telegram.BotCommandScopeChatMember(1, 2)),
    ("setMessageReaction", "reaction", [telegram.ReactionTypeEmoji("👍"), telegram.ReactionTypeCustomEmoji("5")]),
    ("sendPoll", "options", [telegram.InputPollOption("yes")]),
    ("sendInvoice", "prices", [telegram.LabeledPrice("Stars", 5)]),
    ("setChatMenuButton", "menu_button", telegram.MenuButtonWebApp("Go", telegram.WebAppInfo("https://a.b"))),
    ("editMessageMedia", "media", telegram.InputMediaPhoto("id", caption="c")),
    ("sendMediaGroup", "media", [telegram.InputMediaVideo("id"), telegram.InputMediaPhoto("id")]),
    ("sendPaidMedia", "media", [telegram.InputPaidMediaPhoto("id")]),
    ("restrictChatMember", "permissions", telegram.ChatPermissions.all_permissions()),
    (
        "answerInlineQuery",
        "results",
        [
            telegram.InlineQueryResultArticle("1", "t", telegram.InputTextMessageContent("x")),
            telegram.InlineQueryResultCachedPhoto("2", "id"),
            telegram.InlineQueryResultPhoto("3", "u", "t"),
        ],
    ),
]


@pytest.mark.parametrize(("method", "name", "value"), OBJECTS, ids=[f"{m}-{n}" for m, n, _ in OBJECTS])
def test_what_the_library_sends_is_right(method: str, name: str, value: Any) -> None:
    text = json.dumps([each.to_dict() for each in value] if isinstance(value, list) else value.to_dict())
    described(method).arguments[name](text)
    plain = json.loads(text)
    wrong = plain[0] if isinstance(plain, list) else plain
    wrong["nonsense"] = 1
    with pytest.raises(ApiError, match='unknown field "nonsense"'):
        described(method).arguments[name](plain)


def test_what_is_newer_than_the_library() -> None:
    described("sendRichMessage").check(Params({"chat_id": 1, "rich_message": {"html": "<h1>x</h1>"}}))
    with pytest.raises(ApiError, match='parameter "rich_message" is required'):
        described("sendRichMessage").check(Params({"chat_id": 1}))
    described("editMessageText").check(Params({"chat_id": 1, "message_id": 1, "rich_message": '{"markdown": "x"}'}))
