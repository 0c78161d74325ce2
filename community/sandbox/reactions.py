"""Reactions: which there are, who gave what, and which bots are told."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson

from community.sandbox.accounts import Account, Bot
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.identity import ANONYMOUS, actor as shown_actor
from community.sandbox.messages import Message
from community.sandbox.posting import administrators
from community.sandbox.world import World

JSON = dict[str, Any]
EMOJI = frozenset(
    "👍👎🔥🥰👏😁🤔🤯😱🤬😢🎉🤩🤮💩🙏👌🕊🤡🥱🥴😍🐳🌚🌭💯🤣⚡🍌🏆💔🤨😐🍓🍾💋🖕😈😴😭🤓👻👀🎃🙈😇😨🤝"
) | frozenset([*"❤✍🤗🫡🎅🎄☃💅🤪🗿🆒💘🙉🦄😘💊🙊😎👾🤷😡", "❤\u200d🔥", "👨\u200d💻", "🤷\u200d♂", "🤷\u200d♀"])
"""All that may be given (Bot API, ReactionTypeEmoji)."""


def plain(emoji: str) -> str:
    """Without the selector that asks for a coloured picture, which Telegram does not count."""
    return emoji.replace("\ufe0f", "")


def react(world: World, message: Message, actor: Account, reaction: list[JSON]) -> None:
    """Replace someone's reactions; administrators among the bots that asked for it are told of people's.

    In channels reactions are anonymous: bots learn the counts only (Bot API, message_reaction_count).
    """
    given = message.reactions = message.reactions or {}
    old = given.get(actor.id, [])
    given[actor.id] = reaction
    world.live.message(message, "reacted")
    if isinstance(actor, Bot) or old == reaction:
        return
    kind, update = _told(world, message, actor, old)
    for bot in administrators(world, message.chat):
        bot.inbox.put(kind, update, message.chat.id)


def _told(world: World, message: Message, actor: Account, old: list[JSON]) -> tuple[str, JSON]:
    update = {"chat": message.chat.as_json(), "message_id": message.id, "date": world.clock.date()}
    if is_anonymous(message.chat):
        return "message_reaction_count", update | {"reactions": counts(message)}
    new = (message.reactions or {})[actor.id]
    group = message.chat if isinstance(message.chat, Group) else None
    hidden = group is not None and shown_actor(group, actor) is ANONYMOUS
    who = {"actor_chat": message.chat.as_json()} if hidden else {"user": actor.as_json()}
    return "message_reaction", update | who | {"old_reaction": old, "new_reaction": new}


def is_anonymous(chat: Chat) -> bool:
    return isinstance(chat, Group) and chat.kind == "channel"


def counts(message: Message) -> list[JSON]:
    """Each reaction with how many gave it, the most frequent first (Bot API, ReactionCount)."""
    all_given = (orjson.dumps(one) for given in (message.reactions or {}).values() for one in given)
    return [{"type": orjson.loads(one), "total_count": count} for one, count in Counter(all_given).most_common()]


def may_react(world: World, chat: Chat, actor: Account) -> bool:
    if isinstance(chat, Dialog):
        return not chat.blocked
    return isinstance(chat, Group) and chat.member(actor, world.clock.date()).present
