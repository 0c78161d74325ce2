"""Links of t.me: to a bot, into a group with a bot, by invitation, to a public chat."""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qs, urlsplit

from community.sandbox.accounts import Bot
from community.sandbox.actions.administration import AddBot
from community.sandbox.actions.joining import Join, RequestJoin, asks
from community.sandbox.actions.registry import JSON, Gesture, find_bot, find_group, gesture
from community.sandbox.actions.talking import Say, Start
from community.sandbox.errors import Refused
from community.sandbox.members import ALL_RIGHTS
from community.sandbox.world import World

ADMIN_NAMES = {"anonymous": "is_anonymous"}
"""Where `&admin=` names a right otherwise than without its "can_"."""


@gesture("follow")
class Follow(Gesture):
    """Open a link of t.me. ``followed`` says what it did: start, add_bot, join or request_join.

    `chat`: the group or channel chosen when the link adds a bot (``?startgroup=``, ``?startchannel``).
    """

    link: str
    chat: int | str | None = None
    force: bool = False

    def apply(self, world: World) -> JSON:
        self.who(world)
        parts = _parsed(self.link)
        name, query = parts.path.strip("/"), parse_qs(parts.query, keep_blank_values=True)
        if name.startswith("+"):
            return self._join(world, {"link": f"https://t.me/{name}"})
        if not any((bot.username or "").lower() == name.lower() for bot in world.bots.values()):
            return self._join(world, {"chat": name})
        bot = find_bot(world, name)
        for way in ("startgroup", "startchannel"):
            if way in query:
                rights = query["admin"][0].split() if "admin" in query else None
                return self._add(world, bot, query[way][0], rights, channel=way == "startchannel")
        start = Start(user=self.user, bot=bot.id, payload=query.get("start", [""])[0], at=None)
        return {"followed": "start"} | start.apply(world)

    def _join(self, world: World, door: JSON) -> JSON:
        group, link = world.links.get(door.get("link", ""), (None, None))
        if group is None and "chat" in door:
            group = find_group(world, door["chat"])
        wanted = RequestJoin if group is not None and asks(group, link) else Join
        return {"followed": wanted.do} | wanted(user=self.user, at=None, **door).apply(world)

    def _add(self, world: World, bot: Bot, payload: str, rights: list[str] | None, *, channel: bool) -> JSON:
        """A bot added by ``?startgroup=`` gets the payload as a command in the group."""
        if self.chat is None:
            raise Refused("this link adds the bot to a chat: name the chat")
        group = find_group(world, self.chat)
        if group.is_channel != channel:
            raise Refused(f"{group.id} is a {group.kind}: startchannel is for channels, startgroup for groups")
        named = sorted(bot.default_rights.get(channel, ())) if rights is None else [_right(name) for name in rights]
        admin = bool(named) or channel
        if admin or not group.member(bot, world.clock.date()).present:
            adding = {"bot": bot.id, "admin": admin, "rights": named or None, "force": self.force}
            AddBot(user=self.user, chat=group.id, at=None, **adding).apply(world)
        if not channel and payload:
            text = f"/start@{bot.username} {payload}"
            Say(user=self.user, chat=group.id, text=text, at=None).apply(world)
        return {"followed": "add_bot", "chat_id": group.id}


def _parsed(link: str) -> SplitResult:
    try:
        parts = urlsplit(link if "//" in link else f"https://{link}")
        known = parts.hostname in ("t.me", "telegram.me")
    except ValueError:
        known = False
    if not known:
        raise Refused(f"{link} is no link of t.me")
    return parts


def _right(name: str) -> str:
    right = ADMIN_NAMES.get(name, f"can_{name}")
    if right not in {*ALL_RIGHTS, *ADMIN_NAMES.values()}:
        raise Refused(f"admin={name}: no such right")
    return right
