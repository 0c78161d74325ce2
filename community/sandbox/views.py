"""What the control interface shows of chats, people and links."""

from __future__ import annotations

from itertools import islice
from typing import Any

from community.sandbox.accounts import Bot, User
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.commands import offered
from community.sandbox.links import InviteLink
from community.sandbox.messages import Message
from community.sandbox.topics import Topic
from community.sandbox.world import World

JSON = dict[str, Any]


def user(user: User) -> JSON:
    return user.as_json() | {"deactivated": user.deactivated, "stars": user.stars}


def bot(bot: Bot) -> JSON:
    return bot.me() | {"token": bot.token, "stars": bot.stars.as_json()}


def group(world: World, group: Group) -> JSON:
    members = group.members.values()
    return group.as_json() | {
        "members": [member.account.id for member in members if member.present],
        "administrators": [member.account.id for member in members if member.is_admin],
        "banned": [member.account.id for member in members if member.status == "kicked"],
        "owner": group.owner.id if group.owner else None,
        "migrated_to": group.migrated_to,
        "stars": group.stars,
        "pinned": group.pinned.id if group.pinned else None,
        "pins": list(group.pins),
        "topics": [topic.as_json() | {"closed": topic.closed, "hidden": topic.hidden} for topic in _topics(group)],
        "description": group.description,
        "permissions": sorted(group.permissions),
        "slow_mode_delay": group.slow_mode_delay,
        "join_by_request": group.join_by_request,
        "linked": group.linked.id if group.linked else None,
    }


def _topics(group: Group) -> list[Topic]:
    return list(group.topics.values()) if group.is_forum else []


def members(group: Group, date: int) -> list[JSON]:
    """Everybody who is or was in a group, as Telegram's ChatMember."""
    return [group.member(member.account, date).as_json(group.kind) for member in list(group.members.values())]


def chats_of(world: World, user: User) -> list[JSON]:
    """The chats somebody sees: private ones with a message, groups and channels they are in; the newest first."""
    dialogs: list[Chat] = [bot.dialogs[user.id] for bot in world.bots.values() if user.id in bot.dialogs]
    chats = [dialog for dialog in dialogs if dialog.messages]
    chats += [each for each in world.groups.values() if _sees(each, user)]
    return sorted((_listed(chat) for chat in chats), key=lambda chat: chat["date"], reverse=True)


def _sees(group: Group, user: User) -> bool:
    member = group.standing(user)
    return group.migrated_to is None and member is not None and member.present


def _listed(chat: Chat) -> JSON:
    newest = next((message for message in reversed(chat.messages.values()) if not message.deleted), None)
    shown = chat.bot.as_json() | {"type": "private"} if isinstance(chat, Dialog) else chat.as_json()
    return shown | {"date": newest.date if newest else 0, "newest": newest.as_seen() if newest else None}


def menu(world: World, user: User, chat: Chat) -> list[JSON]:
    """What a user is offered in a chat: the commands and the menu button of each bot there."""
    group = chat if isinstance(chat, Group) else None
    admin = group is not None and group.member(user, world.clock.date()).is_admin
    return [
        bot.as_json() | {"commands": offered(bot, user, chat, admin=admin)} | ({} if group else _button(bot, user))
        for bot in world.bots_in(chat)
    ]


def _button(bot: Bot, user: User) -> JSON:
    return {"menu_button": bot.menu_buttons.get(user.id) or bot.menu_buttons.get(0) or {"type": "default"}}


def history(chat: Chat, limit: int) -> list[JSON]:
    """The newest messages, oldest first, with those deleted."""
    newest = list(islice(reversed(chat.messages.values()), limit))
    return [message.as_seen() for message in reversed(newest)]


def received(world: World, user_id: int, since: float, until: float, *, groups: bool) -> list[JSON]:
    """What bots wrote to a user in private, or edited, from one sandbox date (seconds) to before another.

    With `groups` also what came, from anyone, into groups while the user was there.
    """
    dialogs = [bot.dialogs[user_id] for bot in world.bots.values() if user_id in bot.dialogs]
    messages = [
        message
        for dialog in dialogs
        for message in dialog.messages.values()
        if isinstance(message.sender, Bot) and message.date < until and max(message.date, message.edited or 0) >= since
    ]
    if groups:
        messages += _met(world, user_id, since, until)
    return [message.as_seen() for message in sorted(messages, key=lambda message: (message.date, message.id))]


def _met(world: World, user_id: int, since: float, until: float) -> list[Message]:
    return [
        message
        for group in world.groups.values()
        if user_id in group.members
        for message in group.messages.values()
        if since <= message.date < until and group.met(user_id, message.id)
    ]


def delivered(world: World, after: int, limit: int) -> JSON:
    """What bots wrote anywhere, in order, from number `after` on; `next` is the number to go on from."""
    first = world.delivered_count - len(world.delivered)
    start = min(max(after, first), world.delivered_count)
    messages = [message.as_seen() for message in islice(world.delivered, start - first, start - first + limit)]
    return {"messages": messages, "next": start + len(messages), "missed": start - after if after < start else 0}


def join_requests(world: World, chat_id: int | None) -> list[JSON]:
    return [
        {
            "chat_id": each.id,
            "user_id": request.user.id,
            "date": request.date,
            "invite_link": request.link.url if request.link else None,
        }
        for each in _groups(world, chat_id)
        for request in each.requests.values()
    ]


def invite_links(world: World, chat_id: int | None) -> list[JSON]:
    return [_link(each.id, link) for each in _groups(world, chat_id) for link in each.links.values()]


def _link(chat_id: int, link: InviteLink) -> JSON:
    return link.as_json() | {"chat_id": chat_id, "joined": len(link.joined), "pending": link.pending}


def _groups(world: World, chat_id: int | None) -> list[Group]:
    return [each for each in world.groups.values() if chat_id in (None, each.id)]
