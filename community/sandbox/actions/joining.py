"""Coming into groups and leaving them."""

from __future__ import annotations

from community.sandbox.accounts import User
from community.sandbox.actions.registry import JSON, Gesture, find_group, gesture
from community.sandbox.chats import Group
from community.sandbox.errors import Refused
from community.sandbox.links import InviteLink
from community.sandbox.membership import admit, ask, remove
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
    """Ask to be let in: by a `link` that creates join requests, or into a public `chat` that wants to be asked."""

    link: str | None = None
    chat: int | str | None = None

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        group, link = _door(world, user, self.link, self.chat)
        if not asks(group, link):
            raise Refused("this door lets in at once: use join")
        if user.id in group.requests:
            raise Refused("INVITE_REQUEST_SENT")
        ask(world, group, user, link)
        return {"chat_id": group.id}


@gesture("join")
class Join(Gesture):
    """Come in by a plain `link`, or into a public `chat`. `folder`: the link was in a chat folder."""

    link: str | None = None
    chat: int | str | None = None
    folder: bool = False

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        group, link = _door(world, user, self.link, self.chat)
        if asks(group, link):
            raise Refused("this link or chat asks for approval: use request_join")
        via = "via_chat_folder_invite_link" if self.folder else None
        admit(world, group, user, actor=user, link=link, via=via)
        return {"chat_id": group.id}


def asks(group: Group, link: InviteLink | None) -> bool:
    """Whether this way in asks for approval."""
    return group.join_by_request if link is None else link.creates_join_request


def _door(world: World, user: User, url: str | None, chat: int | str | None) -> tuple[Group, InviteLink | None]:
    if url is not None:
        return _open_link(world, url, user)
    if chat is None:
        raise Refused("name a link or a public chat")
    group = find_group(world, chat)
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
