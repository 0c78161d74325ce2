"""How a message comes into a chat, changes, goes, and which bots are told."""

from __future__ import annotations

from typing import Any

from community.sandbox.accounts import Account, Bot
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.files import Media, StoredFile
from community.sandbox.identity import PLACED, TELEGRAM, signature
from community.sandbox.invoices import Offer
from community.sandbox.keyboards import put_below
from community.sandbox.messages import Message, buttons
from community.sandbox.origins import origin, taken
from community.sandbox.world import World

JSON = dict[str, Any]
KEPT = (*PLACED, "forward_origin", "media_group_id")
"""What stays of a post's copy in the discussion group when the post is edited."""
IN_CHANNELS = {"message": "channel_post", "edited_message": "edited_channel_post"}


def post(
    world: World, chat: Chat, sender: Account, content: JSON, *, media: Media | None = None,
    markup: JSON | None = None, reply_to: Message | None = None, extra: JSON | None = None,
    about: Message | StoredFile | None = None, offer: Offer | None = None,
) -> Message:  # fmt: skip
    """Put a message into a chat. Bots hear what people write, service messages and channels' posts, not each other."""
    if isinstance(chat, Group):
        content = _signed(world, chat, sender, content)
    message = Message(chat, chat.next_message_id, world.clock.date(), sender, content)
    message.media, message.markup, message.reply_to, message.extra = media, markup, reply_to, extra
    message.about, message.offer = about, offer
    chat.messages[message.id] = message
    chat.next_message_id += 1
    if isinstance(sender, Bot):
        world.delivered.append(message)
        world.delivered_count += 1
    if message.is_service or not isinstance(sender, Bot) or in_channel(message):
        tell(world, "message", message)
    world.live.message(message, "made")
    if markup is not None and "inline_keyboard" not in markup:
        put_below(chat, message, markup)
        world.live.chat(chat)
    if isinstance(chat, Group) and chat.is_channel and chat.linked is not None and not message.is_service:
        _discuss(world, chat, chat.linked, message)
    return message


def _signed(world: World, group: Group, sender: Account, content: JSON) -> JSON:
    if group.slow_mode_delay:
        group.spoke[sender.id] = world.clock.now()
    return content if "sender_chat" in content else content | signature(group, sender, anonymous=False)


def _discuss(world: World, channel: Group, group: Group, message: Message) -> None:
    """A channel's post comes into its discussion group by itself, of an album the first pinned; comments answer it."""
    album = {key: value for key, value in message.content.items() if key == "media_group_id"}
    content = taken(message) | album | {"sender_chat": channel.as_json(), "is_automatic_forward": True}
    content["forward_origin"] = origin(message)
    offer = message.offer.copy() if message.offer else None
    markup = offer.keyboard() if offer else _leading(message.markup)
    copy = post(world, group, TELEGRAM, content, media=message.media, markup=markup, offer=offer)
    channel.discussed[message.id] = copy
    before = group.messages.get(copy.id - 1)
    if not album or before is None or before.content.get("media_group_id") != album["media_group_id"]:
        group.pins[copy.id] = copy
        world.live.chat(group)


def _leading(markup: JSON | None) -> JSON | None:
    """A forward keeps an inline keyboard only if all of it leads to addresses."""
    return markup if all("url" in button for button in buttons(markup)) else None


def discussed(message: Message) -> Message | None:
    """The copy of a channel's post in the discussion group, still there."""
    copy = message.chat.discussed.get(message.id) if isinstance(message.chat, Group) else None
    return None if copy is None or copy.deleted else copy


def in_channel(message: Message) -> bool:
    return isinstance(message.chat, Group) and message.chat.is_channel


def tell(world: World, kind: str, message: Message) -> None:
    """An update about a message to every bot that hears it; in channels to all but the author."""
    channel = in_channel(message)
    kind = IN_CHANNELS[kind] if channel else kind
    for bot in world.bots_in(message.chat):
        if hears(bot, message) and not (channel and bot is message.sender):
            bot.inbox.put(kind, message.as_json(bot), message.chat.id)


def hears(bot: Bot, message: Message) -> bool:
    """Group privacy: without it, or as an administrator, a bot hears all (Bot API, privacy mode)."""
    if bot.reads_all or message.is_service or isinstance(message.chat, Dialog):
        return True
    member = message.chat.standing(bot) if isinstance(message.chat, Group) else None
    if member is not None and member.is_admin:
        return True
    if message.reply_to is not None and message.reply_to.sender is bot and not message.reply_to.is_service:
        return True
    kinds = {entity["type"] for entity in message.content.get("entities", ())}
    return "bot_command" in kinds or ("mention" in kinds and f"@{bot.username}" in message.text)


def edit(world: World, message: Message, content: JSON, markup: JSON | None, media: Media | None) -> None:
    """Replace content, keyboard and file; bots hear of people's edits."""
    message.content, message.markup, message.media = content, markup, media
    message.edited = world.clock.date()
    if not isinstance(message.sender, Bot) or in_channel(message):
        tell(world, "edited_message", message)
    world.live.message(message, "edited")
    if copy := discussed(message):
        kept = {key: value for key, value in copy.content.items() if key in KEPT}
        edit(world, copy, kept | taken(message), _leading(markup), media)


def delete(world: World, message: Message) -> None:
    """For everyone, with what it pinned or put below the chat.

    A channel's post goes from its discussion group too; comments stay.
    """
    message.deleted, chat = world.clock.date(), message.chat
    below = chat.keyboard is not None and chat.keyboard_message == message.id
    if below:
        chat.keyboard = None
    if chat.pins.pop(message.id, None) is not None or below:
        world.live.chat(chat)
    world.live.message(message, "deleted")
    if copy := discussed(message):
        delete(world, copy)


def administrators(world: World, chat: Chat) -> list[Bot]:
    """Bots that run this chat; a private chat is its bot's own."""
    if isinstance(chat, Dialog):
        return [chat.bot]
    members = chat.members if isinstance(chat, Group) else {}
    return [bot for bot in world.bots.values() if (member := members.get(bot.id)) and member.is_admin]
