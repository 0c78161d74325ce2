"""A message as one person sees it: Telegram's own JSON, and what only that person's page needs."""

from __future__ import annotations

from typing import Any

from community.sandbox.accounts import Account, Bot
from community.sandbox.chats import Chat
from community.sandbox.clock import Clock
from community.sandbox.messages import ANSWERS, Message
from community.sandbox.topics import GENERAL
from community.sandbox.updates import Inbox

JSON = dict[str, Any]
NAMED = 3
"""How many of those who gave a reaction are named."""


class Eye(Bot):
    """Looks at messages without being given file ids of its own: a file's id is where the page finds it."""

    def __init__(self) -> None:
        super().__init__("0:page", "page", "page", Inbox(1, Clock()))

    def file_id(self, unique_id: str) -> str:
        return unique_id


EYE = Eye()


def seen(message: Message, person: Account) -> JSON:
    """`out`: written by this person; `voted`: the options they chose in a poll, None before.

    `payment`: how their payment of an invoice stands (waiting, paid, refused).
    """
    view = message.as_json(EYE)
    del view["chat"]
    view["out"] = message.sender is person
    if message.deleted:
        view["deleted"] = message.deleted
    if message.is_service:
        view["service"] = True
    if "poll" in view:
        view |= _poll(message, person)
    if message.offer is not None and (payment := message.offer.payments.get(person.id)) is not None:
        view["payment"] = payment.state
    if message.reactions:
        view["reactions"] = _reactions(message.reactions, person)
    return view


def _poll(message: Message, person: Account) -> JSON:
    """The right answers of a quiz show to those who voted, and to all once it is closed."""
    poll = message.content["poll"]
    voted = message.poll.votes.get(person.id) if message.poll is not None else None
    if voted is None and not poll["is_closed"]:
        poll = {key: value for key, value in poll.items() if key not in ANSWERS}
    return {"poll": poll, "voted": voted}


def _reactions(given: dict[int, list[JSON]], person: Account) -> list[JSON]:
    """By emoji, in the order first given."""
    counts: dict[str, JSON] = {}
    for account_id, reactions in given.items():
        for reaction in reactions:
            emoji = reaction.get("emoji") or ("⭐" if reaction.get("type") == "paid" else "✦")
            entry = counts.setdefault(emoji, {"emoji": emoji, "count": 0, "mine": False, "by": []})
            entry["count"] += 1
            entry["mine"] = entry["mine"] or account_id == person.id
            if len(entry["by"]) < NAMED:
                entry["by"].append(account_id)
    return list(counts.values())


def thread_of(message: Message) -> int:
    """The topic it belongs to: 1 is General, whose messages carry no number."""
    number: int = message.content.get("message_thread_id") or (message.extra or {}).get("message_thread_id") or GENERAL
    return number


def before(chat: Chat, person: Account, edge: int | None, limit: int, thread: int | None = None) -> list[JSON]:
    """Up to `limit` messages below number `edge`, oldest first; deleted ones are left out."""
    first = next(iter(chat.messages), chat.next_message_id)
    top = min(edge if edge is not None else chat.next_message_id, chat.next_message_id)
    return _collected(chat, person, range(top - 1, first - 1, -1), limit, thread)[::-1]


def after(chat: Chat, person: Account, edge: int, limit: int, thread: int | None = None) -> list[JSON]:
    """Up to `limit` messages above number `edge`, oldest first."""
    first = next(iter(chat.messages), chat.next_message_id)
    return _collected(chat, person, range(max(edge + 1, first), chat.next_message_id), limit, thread)


def _collected(chat: Chat, person: Account, numbers: range, limit: int, thread: int | None) -> list[JSON]:
    found: list[JSON] = []
    for number in numbers:
        message = chat.message(number)
        if message is not None and thread in (None, thread_of(message)):
            found.append(seen(message, person))
            if len(found) >= limit:
                break
    return found
