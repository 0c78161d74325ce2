"""The bot's own reactions."""

from __future__ import annotations

from typing import Any

from community.sandbox.access import find_chat
from community.sandbox.errors import bad_request
from community.sandbox.methods.registry import Call, method
from community.sandbox.reactions import EMOJI, plain, react

JSON = dict[str, Any]


@method("setMessageReaction")
def set_message_reaction(call: Call) -> bool:
    """One at most, for a bot is no premium user; `is_big` changes nothing that lasts."""
    chat = find_chat(call.world, call.bot, call.params)
    message = chat.message(call.params.integer("message_id"))
    if message is None:
        raise bad_request("message to react not found")
    wanted = [_reaction(item) for item in call.params.listing("reaction") or []]
    if len(wanted) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    if wanted and wanted[0]["type"] == "custom_emoji" and not _present(message.reactions, wanted[0]):
        raise bad_request("REACTION_INVALID")
    react(call.world, message, call.bot, wanted)
    return True


def _reaction(item: JSON) -> JSON:
    """Telegram's ReactionType; paid ones are not for bots."""
    if item["type"] == "paid":
        raise bad_request("can't parse ReactionType: invalid reaction type specified")
    if item["type"] == "custom_emoji":
        return {"type": "custom_emoji", "custom_emoji_id": item["custom_emoji_id"]}
    emoji = plain(item["emoji"])
    if emoji not in EMOJI:
        raise bad_request("REACTION_INVALID")
    return {"type": "emoji", "emoji": emoji}


def _present(reactions: dict[int, list[JSON]] | None, wanted: JSON) -> bool:
    """A custom emoji may be given when somebody gave it before (Bot API, setMessageReaction)."""
    return any(wanted in given for given in (reactions or {}).values())
