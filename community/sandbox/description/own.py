"""Where python-telegram-bot's signatures are not Telegram's: each entry a deliberate difference of that library."""

from __future__ import annotations

from typing import Any

NETWORK = frozenset(["self", "api_kwargs", "read_timeout", "write_timeout", "connect_timeout", "pool_timeout"])
NO_METHODS = frozenset({"do_api_request"})
CONVENIENCES = frozenset(
    [
        "allow_sending_without_reply",
        "contact",
        "current_offset",
        "disable_web_page_preview",
        "filename",
        "filename_depr",
        "location",
        "reply_to_message_id",
        "venue",
    ]
)
"""Parameters that the library turns into others before it sends."""
CONVENIENCES_OF = {
    "sendMediaGroup": frozenset({"caption", "caption_entities", "parse_mode"}),
    "sendPoll": frozenset({"correct_option_id"}),
    "Poll": frozenset({"correct_option_id"}),
}
REQUIRED = {
    "editMessageLiveLocation": frozenset({"latitude", "longitude"}),
    "sendContact": frozenset({"phone_number", "first_name"}),
    "sendLocation": frozenset({"latitude", "longitude"}),
    "sendVenue": frozenset({"latitude", "longitude", "title", "address"}),
    "Poll": frozenset({"allows_revoting", "members_only"}),
    "PollAnswer": frozenset({"option_persistent_ids"}),
    "PollOption": frozenset({"persistent_id"}),
    "ChatMemberRestricted": frozenset({"can_react_to_messages"}),
}
"""Optional in the library, because a convenience can stand in or because they came later."""
OPTIONAL = {"editMessageText": frozenset({"text"})}
"""Required in the library; newer versions of the Bot API made them optional."""
ANNOTATIONS = {
    ("sendMediaGroup", "media"): "Sequence[InputMedia]",
    ("setMessageReaction", "reaction"): "Sequence[ReactionType]",
    ("setMyCommands", "commands"): "Sequence[BotCommand]",
}
"""Types, where the library also takes shorter forms, or where Telegram has an error of its own for a wrong kind."""
SPELLINGS = {"from_user": "from"}
TAGS = ("type", "status", "source")
"""Fields that tell the members of a family apart."""
FIXED: dict[str, dict[str, Any]] = {
    "ForceReply": {"force_reply": True},
    "InaccessibleMessage": {"date": 0},
    "ReplyKeyboardRemove": {"remove_keyboard": True},
}
"""Fields with one possible value, which the library fills in."""
