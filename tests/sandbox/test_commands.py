"""Commands by scope and language, how a bot presents itself, and links of t.me."""

import pytest
from telegram import (
    Bot,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeChatAdministrators,
    BotCommandScopeChatMember,
    ChatAdministratorRights,
    MenuButtonCommands,
    MenuButtonWebApp,
    WebAppInfo,
)
from telegram.error import BadRequest

from community.sandbox.client import SandboxClient, SandboxError

from .conftest import ANN, BOB, EVE, RawCaller

CHINESE = 20


async def offered(sandbox: SandboxClient, user: int, chat: int | None = None) -> str:
    """The first command of the first bot's menu."""
    commands = (await sandbox.menu(user, chat))[0]["commands"]
    return str(commands[0]["command"]) if commands else ""


async def test_the_menu_falls_back_in_telegrams_order(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.create_user(CHINESE, "Li", language_code="zh-hans")
    group = await sandbox.create_group("Group", owner=EVE, members=[ANN, BOB, CHINESE], bots=[bot.id])
    assert await offered(sandbox, ANN) == ""
    steps: list[tuple[object, str | None, str]] = [
        (None, None, "default"),
        (None, "zh", "default_zh"),
        (BotCommandScopeAllPrivateChats(), None, "private"),
        (BotCommandScopeChat(ANN), None, "ann"),
        (BotCommandScopeAllGroupChats(), None, "groups"),
        (BotCommandScopeAllChatAdministrators(), None, "admins"),
        (BotCommandScopeChatAdministrators(group), None, "admins_here"),
        (BotCommandScopeChatMember(group, BOB), None, "bob"),
    ]
    seen = {}
    for scope, language, name in steps:
        await bot.set_my_commands([(name, "d")], scope=scope, language_code=language)  # type: ignore[arg-type]
        seen[name] = [await offered(sandbox, CHINESE), await offered(sandbox, ANN)]
        seen[name] += [await offered(sandbox, user, group) for user in (ANN, EVE, BOB)]
    assert seen == {
        "default": ["default"] * 5,
        "default_zh": ["default_zh", "default", "default", "default", "default"],
        "private": ["private", "private", "default", "default", "default"],
        "ann": ["private", "ann", "default", "default", "default"],
        "groups": ["private", "ann", "groups", "groups", "groups"],
        "admins": ["private", "ann", "groups", "admins", "groups"],
        "admins_here": ["private", "ann", "groups", "admins_here", "groups"],
        "bob": ["private", "ann", "groups", "admins_here", "bob"],
    }
    await bot.delete_my_commands(scope=BotCommandScopeChat(ANN))
    assert await offered(sandbox, ANN) == "private"
    assert [command.command for command in await bot.get_my_commands()] == ["default"]
    assert await bot.get_my_commands(language_code="de") == ()


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"commands": [{"command": "a-b", "description": "x"}]}, "BOT_COMMAND_INVALID"),
        ({"commands": [{"command": "a", "description": " "}]}, "BOT_COMMAND_DESCRIPTION_INVALID"),
        ({"commands": [{"command": "a", "description": "x"}] * 101}, "BOT_COMMANDS_TOO_MUCH"),
        ({"commands": [], "scope": {"type": "galaxy"}}, "can't parse BotCommandScope: Unsupported type specified"),
        ({"commands": [], "scope": {"type": "chat", "chat_id": -5}}, "chat not found"),
        ({"commands": [], "scope": {"type": "chat_administrators", "chat_id": ANN}}, "chat not found"),
        ({"commands": [], "language_code": "english"}, "invalid language code specified"),
    ],
)
async def test_refused_commands(call: RawCaller, params: dict[str, object], error: str) -> None:
    status, answer = await call("setMyCommands", **params)
    assert (status, answer["description"]) == (400, f"Bad Request: {error}")


async def test_names_and_descriptions_by_language(bot: Bot) -> None:
    assert (await bot.get_my_name()).name == "sandbox_bot"
    await bot.set_my_name("Club")
    await bot.set_my_name("俱乐部", language_code="zh")
    await bot.set_my_description("What it does")
    await bot.set_my_short_description("Short", language_code="zh")
    assert (await bot.get_my_name(language_code="zh")).name == "俱乐部"
    assert (await bot.get_my_name(language_code="de")).name == (await bot.get_me()).first_name == "Club"
    assert (await bot.get_my_description(language_code="zh")).description == "What it does"
    assert (await bot.get_my_short_description()).short_description == ""
    with pytest.raises(BadRequest, match=r"(?i)bot_description_too_long"):
        await bot.set_my_description("x" * 513)


async def test_menu_buttons_and_suggested_rights(bot: Bot, sandbox: SandboxClient) -> None:
    button = MenuButtonWebApp("Open", WebAppInfo("https://example.org"))
    await bot.set_chat_menu_button(menu_button=MenuButtonCommands())
    await bot.set_chat_menu_button(ANN, button)
    assert await bot.get_chat_menu_button(ANN) == button
    assert (await bot.get_chat_menu_button(BOB)).type == "commands"
    assert (await sandbox.menu(ANN))[0]["menu_button"]["type"] == "web_app"
    with pytest.raises(BadRequest, match=r"(?i)only HTTPS links are allowed"):
        await bot.set_chat_menu_button(ANN, MenuButtonWebApp("Open", WebAppInfo("http://example.org")))
    assert not (await bot.get_my_default_administrator_rights()).can_manage_chat
    await bot.set_my_default_administrator_rights(ChatAdministratorRights.all_rights())
    assert (await bot.get_my_default_administrator_rights()).can_pin_messages
    assert not (await bot.get_my_default_administrator_rights(for_channels=True)).can_post_messages


async def test_links_start_bots_and_add_them(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", owner=EVE, members=[ANN], bots=[])
    channel = await sandbox.create_group("News", kind="channel", owner=EVE, bots=[])
    assert (await sandbox.follow(ANN, "https://t.me/sandbox_bot?start=ref_1"))["followed"] == "start"
    await sandbox.follow(EVE, "t.me/sandbox_bot?startgroup=setup&admin=pin_messages+invite_users", chat=group)
    await sandbox.follow(EVE, "https://t.me/sandbox_bot?startchannel&admin=post_messages", chat=channel)
    texts = [update.message.text for update in await bot.get_updates() if update.message]
    assert [text for text in texts if text] == ["/start ref_1", "/start@sandbox_bot setup"]
    member = await bot.get_chat_member(group, bot.id)
    assert (member.can_pin_messages, member.can_delete_messages) == (True, False)  # type: ignore[attr-defined]
    await bot.send_message(channel, "hello")
    await sandbox.follow(EVE, "t.me/sandbox_bot?startgroup=again", chat=group)
    assert (await bot.get_chat_member(group, bot.id)).status == "administrator"
    for link, chat, error in (
        ("https://t.me/sandbox_bot?startgroup=x", channel, "startchannel is for channels"),
        ("https://t.me/sandbox_bot?startgroup=x", None, "name the chat"),
        ("https://t.me/sandbox_bot?startgroup=x&admin=fly", group, "no such right"),
        ("https://example.org/sandbox_bot", None, "no link of t.me"),
        ("https://t.me/nobody_here", None, "no group"),
        ("https://t.me/+nothing", None, "no invite link"),
    ):
        with pytest.raises(SandboxError, match=error):
            await sandbox.follow(EVE, link, chat=chat)


async def test_links_lead_into_groups(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", owner=EVE, username="ourgroup")
    asking = await sandbox.create_link(EVE, group, creates_join_request=True)
    assert (await sandbox.follow(ANN, asking))["followed"] == "request_join"
    await sandbox.answer_request(EVE, group, ANN)
    assert (await sandbox.follow(BOB, "https://t.me/ourgroup"))["followed"] == "join"
    assert await bot.get_chat_member_count(group) == 5
    assert [chat["id"] for chat in await sandbox.user_chats(ANN)] == [group]
