"""Bot API methods, one module per topic. Importing this package registers them all."""

from community.sandbox.methods import bots, chats, edits, invites, media, members, messages, payments, updates
from community.sandbox.methods.registry import METHODS, Call, Method

__all__ = [
    "METHODS",
    "Call",
    "Method",
    "bots",
    "chats",
    "edits",
    "invites",
    "media",
    "members",
    "messages",
    "payments",
    "updates",
]
