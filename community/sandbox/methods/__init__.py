"""Bot API methods, one module per topic. Importing this package registers them all."""

from community.sandbox.methods import (
    bots,
    callbacks,
    chats,
    copying,
    edits,
    invites,
    media,
    members,
    messages,
    payments,
    pins,
    places,
    polls,
    reactions,
    updates,
)
from community.sandbox.methods.registry import METHODS, Call, Method

__all__ = [
    "METHODS",
    "Call",
    "Method",
    "bots",
    "callbacks",
    "chats",
    "copying",
    "edits",
    "invites",
    "media",
    "members",
    "messages",
    "payments",
    "pins",
    "places",
    "polls",
    "reactions",
    "updates",
]
