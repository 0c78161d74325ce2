"""How a message comes into a chat, changes, goes, and which bots are told."""

from __future__ import annotations

from typing import Any

from community.sandbox.accounts import Account, Bot
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.files import Media
from community.sandbox.messages import Message
from community.sandbox.world import World

JSON = dict[str, Any]


def post(
    world: World, chat: Chat, sender: Account, content: JSON, *, media: Media | None = None,
    markup: JSON | None = None, reply_to: Message | None = None, extra: JSON | None = None,
) -> Message:  # fmt: skip
    """Put a message into a chat. Bots hear what people write and all service messages, not each other."""
    message = Message(chat, chat.next_message_id, world.clock.date(), sender, content)
    message.media, message.markup, message.reply_to, message.extra = media, markup, reply_to, extra
    chat.messages[message.id] = message
    chat.next_message_id += 1
    if isinstance(sender, Bot):
        world.delivered.append(message)
        world.delivered_count += 1
    if message.is_service or not isinstance(sender, Bot):
        tell(world, "message", message)
    world.live.message(message, "made")
    return message


def tell(world: World, kind: str, message: Message) -> None:
    """An update about a message to every bot that hears it."""
    for bot in world.bots_in(message.chat):
        if hears(bot, message):
            bot.inbox.put(kind, message.as_json(bot), message.sender.id)


def hears(bot: Bot, message: Message) -> bool:
    """Group privacy: without it, or as an administrator, a bot hears all (Bot API, privacy mode)."""
    if bot.reads_all or message.is_service or isinstance(message.chat, Dialog):
        return True
    member = message.chat.standing(bot) if isinstance(message.chat, Group) else None
    if member is not None and member.is_admin:
        return True
    if message.reply_to is not None and message.reply_to.sender is bot:
        return True
    kinds = {entity["type"] for entity in message.content.get("entities", ())}
    return "bot_command" in kinds or ("mention" in kinds and f"@{bot.username}" in message.text)


def edit(world: World, message: Message, changes: JSON, markup: JSON | None) -> None:
    """Replace content and keyboard; bots hear of people's edits."""
    message.content = message.content | changes
    message.markup = markup
    message.edited = world.clock.date()
    if not isinstance(message.sender, Bot):
        tell(world, "edited_message", message)
    world.live.message(message, "edited")


def delete(world: World, message: Message) -> None:
    message.deleted = world.clock.date()
    world.live.message(message, "deleted")


def react(world: World, message: Message, actor: Account, reaction: list[JSON]) -> None:
    """Replace someone's reactions; administrators among the bots that asked for it are told of people's."""
    given = message.reactions = message.reactions or {}
    old = given.get(actor.id, [])
    given[actor.id] = reaction
    world.live.message(message, "reacted")
    if isinstance(actor, Bot) or old == reaction:
        return
    update = {
        "chat": message.chat.as_json(),
        "message_id": message.id,
        "user": actor.as_json(),
        "date": world.clock.date(),
        "old_reaction": old,
        "new_reaction": reaction,
    }
    for bot in administrators(world, message.chat):
        bot.inbox.put("message_reaction", update, actor.id)


def administrators(world: World, chat: Chat) -> list[Bot]:
    """Bots that run this chat; a private chat is its bot's own."""
    if isinstance(chat, Dialog):
        return [chat.bot]
    members = chat.members if isinstance(chat, Group) else {}
    return [bot for bot in world.bots.values() if (member := members.get(bot.id)) and member.is_admin]
