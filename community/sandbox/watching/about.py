"""What there is to know about one chat: members, pins, topics, links, requests, commands, what did not arrive."""

from __future__ import annotations

from typing import Any

from community.sandbox.accounts import User
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.commands import offered
from community.sandbox.links import InviteLink
from community.sandbox.members import Member
from community.sandbox.messages import Message
from community.sandbox.topics import Topic
from community.sandbox.watching.chats import latest, row, sees
from community.sandbox.watching.people import matches, person
from community.sandbox.watching.seen import seen, thread_of
from community.sandbox.world import World

JSON = dict[str, Any]
LISTED = 200
SNIPPET = 80
RANK = {"creator": 0, "administrator": 1}


def about(world: World, user: User, chat: Chat) -> JSON:
    view = row(chat, user, latest(chat))
    view["keyboard"] = chat.keyboard_of(user.id)
    view["pins"] = [seen(message, user) for message in _pins(chat)] if sees(chat, user) else []
    if isinstance(chat, Dialog):
        view["refusals"] = [refusal.as_json() for refusal in chat.refused or ()]
        view["commands"] = offered(chat.bot, user, chat)
    elif isinstance(chat, Group):
        view |= _group(world, user, chat)
    return view


def _group(world: World, user: User, group: Group) -> JSON:
    """Links and requests are for those who may invite; what is said in topics for those who may read it."""
    member = group.member(user, world.clock.date())
    bots = world.bots_in(group)
    open_to = sees(group, user)
    invites = member.present and (group.owner is None or member.may("can_invite_users"))
    return {
        "you": member.as_json(group.kind),
        "may_write": _may_write(group, member),
        "requested": user.id in group.requests,
        "count": len(group.present()),
        "description": group.description if open_to else None,
        "topics": _topics(group) if open_to else [],
        "links": [_link(link) for link in list(group.links.values())[-LISTED:]] if invites else [],
        "requests": [{"user": person(each.user), "date": each.date} for each in list(group.requests.values())[:LISTED]]
        if invites
        else [],
        "bots": [person(bot) for bot in bots],
        "commands": [
            command | {"bot": bot.username}
            for bot in bots
            for command in offered(bot, user, group, admin=member.is_admin)
        ],
        "migrated_to": group.migrated_to,
    }


def _may_write(group: Group, member: Member) -> bool:
    return member.may("can_post_messages") if group.is_channel else group.allows(member, "can_send_messages")


def _pins(chat: Chat) -> list[Message]:
    """Newest last."""
    return sorted((message for message in chat.pins.values() if not message.deleted), key=lambda message: message.id)


def _topics(group: Group) -> list[JSON]:
    """With the date and the beginning of the newest message of each."""
    last: dict[int, Message] = {}
    if group.is_forum:
        last = {thread_of(message): message for message in group.messages.values() if not message.deleted}
    topics = group.topics.items() if group.is_forum else ()
    return [_topic(topic, last.get(number)) for number, topic in topics]


def _topic(topic: Topic, last: Message | None) -> JSON:
    shown = {"id": topic.id, "name": topic.name, "icon_color": topic.icon_color}
    shown |= {"closed": topic.closed, "hidden": topic.hidden}
    return shown | {"date": last.date if last else 0, "text": last.text[:SNIPPET] if last else ""}


def _link(link: InviteLink) -> JSON:
    return link.as_json() | {"joined": len(link.joined), "pending": link.pending}


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
