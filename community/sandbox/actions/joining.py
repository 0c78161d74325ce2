"""Coming into groups and leaving them."""

from __future__ import annotations

from community.sandbox.accounts import User
from community.sandbox.actions.registry import JSON, Gesture, find_group, gesture
from community.sandbox.chats import Group
from community.sandbox.errors import Refused
from community.sandbox.links import InviteLink
from community.sandbox.membership import admit, ask, remove
from community.sandbox.subscriptions import join_channel
from community.sandbox.world import World


def _open_link(world: World, url: str, user: User) -> tuple[Group, InviteLink]:
    """The group of a link that this user may use now."""
    group, link = world.links.get(url, (None, None))
    if group is None or link is None:
        raise Refused(f"no invite link {url}")
    group = find_group(world, group.id)
    closed = link.closed(world.clock.date())
    if closed:
        raise Refused(closed)
    _check_welcome(world, group, user)
    return group, link


def _check_welcome(world: World, group: Group, user: User) -> None:
    member = group.member(user, world.clock.date())
    if member.present:
        raise Refused("USER_ALREADY_PARTICIPANT")
    if member.status == "kicked":
        raise Refused("USER_BANNED_IN_CHANNEL")


@gesture("request_join")
class RequestJoin(Gesture):
    """Ask to be let in by a link that creates join requests."""

    link: str

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        group, link = _open_link(world, self.link, user)
        if not link.creates_join_request:
            raise Refused("this link lets in at once: use join")
        if user.id in group.requests:
            raise Refused("INVITE_REQUEST_SENT")
        ask(world, group, user, link)
        return {"chat_id": group.id}


@gesture("join")
class Join(Gesture):
    """Come in by a plain `link` or by one that costs Stars, or into a public `chat`."""

    link: str | None = None
    chat: int | str | None = None

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        group, link = self._door(world, user)
        if link is not None and link.subscription_price:
            join_channel(world, user, group, link)
            return {"chat_id": group.id}
        admit(world, group, user, actor=user, link=link)
        return {"chat_id": group.id}

    def _door(self, world: World, user: User) -> tuple[Group, InviteLink | None]:
        if self.link is not None:
            group, link = _open_link(world, self.link, user)
            if link.creates_join_request:
                raise Refused("this link asks for approval: use request_join")
            return group, link
        if self.chat is None:
            raise Refused("name a link or a public chat")
        group = find_group(world, self.chat)
        if not group.username:
            raise Refused(f"{group.id} is private: an invite link is needed")
        _check_welcome(world, group, user)
        return group, None


@gesture("leave")
class Leave(Gesture):
    """Leave a group."""

    chat: int | str

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        group = find_group(world, self.chat)
        if not group.member(user, world.clock.date()).present:
            raise Refused(f"user {user.id} is not in {group.id}")
        remove(world, group, user, actor=user, status="left")
        return {}
