"""What a bot wrote to someone in private and Telegram would not deliver, kept beside the chat to be looked at."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from community.sandbox.errors import ApiError
from community.sandbox.formatting import formatted

if TYPE_CHECKING:
    from community.sandbox.accounts import Bot
    from community.sandbox.params import Params
    from community.sandbox.world import World

KEPT = 20
REASONS = {
    "bot can't initiate conversation with a user": "not_opened",
    "bot was blocked by the user": "blocked",
    "user is deactivated": "deactivated",
}


@dataclass(slots=True)
class Refusal:
    """`text` with its `entities` as it would have looked.

    `reason`: not_opened, blocked, deactivated or other; `description` is what the bot was told.

    `before`: the number that the next message of the chat had then.
    """

    date: int
    before: int
    method: str
    text: str
    entities: list[dict[str, Any]]
    reason: str
    description: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def keep(world: World, bot: Bot, method: str, chat_id: int | None, params: Params, description: str) -> None:
    """Remember a message refused with 403, where it was meant for a person."""
    user = world.users.get(chat_id or 0)
    if user is None:
        return
    dialog = world.dialog(bot, user)
    reason = REASONS.get(description.removeprefix("Forbidden: "), "other")
    words = _words(params)
    dialog.refused = dialog.refused or deque(maxlen=KEPT)
    dialog.refused.append(Refusal(world.clock.date(), dialog.next_message_id, method, *words, reason, description))
    world.live.chat(dialog)


def _words(params: Params) -> tuple[str, list[dict[str, Any]]]:
    """Text or caption; as it was given when it could not be formatted."""
    text = params.text("text") or params.text("caption")
    try:
        return formatted(text, params.text("parse_mode"), None)
    except ApiError:
        return text, []
