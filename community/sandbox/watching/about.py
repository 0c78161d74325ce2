"""What there is to know about one chat: members, pins, topics, links, requests, commands, what did not arrive."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from typing import Any

import orjson

from community.sandbox.accounts import Bot, User
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.links import InviteLink
from community.sandbox.members import Member
from community.sandbox.messages import Message
from community.sandbox.watching.chats import latest, row
from community.sandbox.watching.people import matches, person
from community.sandbox.watching.seen import seen
from community.sandbox.world import World

JSON = dict[str, Any]
LISTED = 200
RANK = {"creator": 0, "administrator": 1}


def about(world: World, user: User, chat: Chat) -> JSON:
    view = row(world, chat, user, latest(chat))
    view["keyboard"] = chat.keyboard_of(user.id)
    view["pins"] = [seen(world, message, user) for message in _pins(chat)]
    if isinstance(chat, Dialog):
        view["refusals"] = [refusal.as_json() for refusal in chat.refused or ()]
        view["commands"] = _commands(chat.bot, user, ["all_private_chats", "default"])
    elif isinstance(chat, Group):
        view |= _group(world, user, chat)
    return view


def _group(world: World, user: User, group: Group) -> JSON:
    member = group.member(user, world.clock.date())
    bots = world.bots_in(group)
    return {
        "you": member.as_json(),
        "may_write": member.may_send() and (group.kind != "channel" or member.is_admin),
        "requested": user.id in group.requests,
        "count": len(group.present()),
        "description": getattr(group, "description", None),
        "topics": _topics(group),
        "links": [_link(link) for link in list(group.links.values())[-LISTED:]],
        "requests": [{"user": person(each.user), "date": each.date} for each in list(group.requests.values())[:LISTED]],
        "bots": [person(bot) for bot in bots],
        "commands": [
            command | {"bot": bot.username}
            for bot in bots
            for command in _commands(bot, user, ["all_group_chats", "default"])
        ],
        "migrated_to": group.migrated_to,
    }


def _pins(chat: Chat) -> list[Message]:
    """Newest last."""
    return sorted((message for message in chat.pins.values() if not message.deleted), key=lambda message: message.id)


def _topics(group: Group) -> list[JSON]:
    topics: dict[int, Any] = getattr(group, "topics", None) or {}
    last: dict[int, Any] = {}
    for message in group.messages.values():
        if topics and not message.deleted:
            last[message.content.get("message_thread_id") or 1] = message
    return [
        {"id": number, "date": getattr(last.get(number), "date", 0), "text": getattr(last.get(number), "text", "")}
        | {name: getattr(topic, name, None) for name in ("name", "icon_color", "closed", "hidden")}
        for number, topic in topics.items()
    ]


def _link(link: InviteLink) -> JSON:
    return link.as_json() | {"joined": len(link.joined), "pending": link.pending}


def _commands(bot: Bot, user: User, scopes: list[str]) -> list[JSON]:
    """The first list there is, from the narrowest scope on, in the user's language or in none."""
    chat = {"type": "chat", "chat_id": user.id}
    for scope in [chat, *({"type": name} for name in scopes)]:
        for language in dict.fromkeys([user.language_code or "", ""]):
            name = orjson.dumps([scope, language], option=orjson.OPT_SORT_KEYS).decode()
            if commands := bot.commands.get(name):
                return [each if isinstance(each, dict) else _plain(each) for each in commands]
    return []


def _plain(command: Any) -> JSON:
    return asdict(command) if is_dataclass(command) and not isinstance(command, type) else {}


def members(world: World, group: Group, query: str, offset: int, limit: int) -> JSON:
    """Owner and administrators first. A search also finds those who were banned."""
    wanted = query.strip().lower()
    found = [
        member
        for member in group.members.values()
        if (member.present or member.status == "kicked") and (not wanted or matches(member.account, wanted))
    ]
    found.sort(key=lambda member: 3 if member.status == "kicked" else RANK.get(member.status, 2))
    return {"members": [_member(each) for each in found[offset : offset + limit]], "total": len(found)}


def _member(member: Member) -> JSON:
    return {"person": person(member.account), "status": member.status, "title": member.custom_title}


def doors(world: World, user: User) -> list[JSON]:
    """Where this user could go: open invite links and public groups, the newest first."""
    date = world.clock.date()
    found: list[JSON] = []
    for group in reversed(world.groups.values()):
        member = group.members.get(user.id)
        if (member is not None and member.present) or group.migrated_to is not None:
            continue
        seen_of = {"chat": group.id, "title": group.title, "kind": group.kind, "username": group.username}
        links = [link for link in group.links.values() if not link.closed(date)]
        found += [seen_of | {"link": link.url, "name": link.name, "asks": link.creates_join_request} for link in links]
        if group.username and not links:
            found.append(seen_of | {"link": f"https://t.me/{group.username}", "asks": False})
        if len(found) >= LISTED:
            break
    return found[:LISTED]
