"""What owners and administrators do to bots and members, and to the group."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from community.sandbox.access import check_permission, check_right
from community.sandbox.accounts import Account, User
from community.sandbox.actions.registry import JSON, Gesture, find_bot, find_group, gesture
from community.sandbox.chats import Group
from community.sandbox.errors import Refused
from community.sandbox.links import InviteLink
from community.sandbox.members import ALL_RIGHTS, PERMISSIONS, Member, rights_in
from community.sandbox.membership import admit, approve, change, check_editable, migrate, remove, withdraw_request
from community.sandbox.world import World


class OwnersGesture(Gesture):
    """Takes the right to it, as for bots. `force` does it without: so does a group that has no owner to ask."""

    chat: int | str
    force: bool = False

    def group(self, world: World) -> Group:
        return find_group(world, self.chat)

    def free(self, group: Group) -> bool:
        return self.force or group.owner is None

    def check(self, world: World, group: Group, right: str, what: str) -> None:
        if not self.free(group):
            check_right(world, self.who(world), group, right, what)

    def check_promotion(self, world: World, group: Group, member: Member, rights: frozenset[str]) -> None:
        self.check(world, group, "can_promote_members", "promote/demote chat member")
        if not self.free(group):
            check_editable(world, group, member, self.who(world), rights)

    def check_removal(self, world: World, group: Group, member: Member) -> None:
        """Of administrators only by whom may change their rights; of the owner never."""
        self.check(world, group, "can_restrict_members", "restrict/unrestrict chat member")
        if not self.free(group):
            check_editable(world, group, member, self.who(world), frozenset())


@gesture("add_bot")
class AddBot(OwnersGesture):
    """Bring a bot into a group, or change its rights there. `rights`: all of an administrator's by default."""

    bot: int | str | None = None
    admin: bool = False
    rights: list[str] | None = None

    def apply(self, world: World) -> JSON:
        user, group, bot = self.who(world), self.group(world), find_bot(world, self.bot)
        if group.is_channel and not self.admin:
            raise Refused("USER_BOT: in a channel a bot can only be an administrator")
        rights = frozenset(rights_in(group.kind)) if self.rights is None else ALL_RIGHTS & set(self.rights)
        rights &= group.member(user, world.clock.date()).rights if self._limited(world, group, user) else rights
        self._check(world, group, user, bot, rights)
        if not group.member(bot, world.clock.date()).present:
            admit(world, group, bot, actor=user)
        promoted = Member(bot, "administrator", rights=rights, promoted_by=user.id)
        change(world, group, promoted if self.admin else Member(bot, "member"), actor=user)
        return {}

    def _limited(self, world: World, group: Group, user: User) -> bool:
        """An administrator who names no rights gives all of their own."""
        owns = group.member(user, world.clock.date()).status == "creator"
        return self.rights is None and not owns and not self.free(group)

    def _check(self, world: World, group: Group, user: User, bot: Account, rights: frozenset[str]) -> None:
        member = group.member(bot, world.clock.date())
        if self.admin or member.is_admin:
            self.check_promotion(world, group, member, rights)
        elif not self.free(group):
            check_permission(world, user, group, "can_invite_users", "invite users to the chat")


@gesture("kick_bot")
class KickBot(OwnersGesture):
    """Throw a bot out; it may not come back by itself."""

    bot: int | str | None = None

    def apply(self, world: World) -> JSON:
        user, group, bot = self.who(world), self.group(world), find_bot(world, self.bot)
        member = group.member(bot, world.clock.date())
        if not member.present:
            raise Refused(f"bot {bot.id} is not in {group.id}")
        self.check_removal(world, group, member)
        remove(world, group, bot, actor=user, status="kicked")
        return {}


@gesture("set_member")
class SetMember(OwnersGesture):
    """Change how `member` stands: add, promote, demote, restrict, remove or ban by hand.

    `rights` of an administrator (all that `user` has by default), with `title` and `anonymous`; `permissions` left to
    someone restricted (none by default); `until`: a sandbox date in seconds at which a restriction or ban ends.
    """

    member: int
    status: Literal["administrator", "member", "restricted", "left", "kicked"]
    rights: list[str] | None = None
    title: str | None = Field(None, max_length=16)
    anonymous: bool = False
    permissions: list[str] = Field(default_factory=list)
    until: int = Field(0, ge=0, le=2**32)

    def apply(self, world: World) -> JSON:
        user, group, account = self.who(world), self.group(world), self._account(world)
        old = group.member(account, world.clock.date())
        if self.status in ("left", "kicked"):
            self.check_removal(world, group, old)
            remove(world, group, account, actor=user, status=self.status, until=self.until)
        elif self.status == "administrator":
            self._promote(world, group, old)
        elif self.status == "restricted":
            self._restrict(world, group, old)
        else:
            self._make_member(world, group, old)
        return {}

    def _promote(self, world: World, group: Group, old: Member) -> None:
        user = self.who(world)
        own = group.member(user, world.clock.date())
        most = own.rights if own.status == "administrator" and not self.free(group) else ALL_RIGHTS
        rights = most if self.rights is None else ALL_RIGHTS & set(self.rights)
        self.check_promotion(world, group, old, rights)
        if not old.present:
            admit(world, group, old.account, actor=user)
        new = replace(
            group.member(old.account, world.clock.date()), status="administrator", rights=rights,
            is_anonymous=self.anonymous, custom_title=self.title, promoted_by=user.id, permissions=frozenset(), until=0,
        )  # fmt: skip
        change(world, group, new, actor=user)

    def _restrict(self, world: World, group: Group, old: Member) -> None:
        if group.kind != "supergroup":
            raise Refused(f"{group.id} is a {group.kind}: only supergroups restrict members")
        self.check_removal(world, group, old)
        allowed = frozenset(self.permissions) & set(PERMISSIONS)
        new = Member(
            old.account, "restricted", permissions=allowed, until=self.until, is_member=old.present, link=old.link
        )
        change(world, group, new, actor=self.who(world))

    def _make_member(self, world: World, group: Group, old: Member) -> None:
        """Add, demote or release; adding takes what members may do too, unless they were banned."""
        user = self.who(world)
        if old.is_admin:
            self.check_promotion(world, group, old, frozenset())
        elif old.status in ("kicked", "restricted"):
            self.check_removal(world, group, old)
        elif not self.free(group):
            check_permission(world, user, group, "can_invite_users", "invite users to the chat")
        if not old.present:
            admit(world, group, old.account, actor=user)
        change(world, group, Member(old.account, "member", link=old.link if old.present else None), actor=user)

    def _account(self, world: World) -> Account:
        account = world.account(self.member)
        if account is None:
            raise Refused(f"no user {self.member}")
        return account


@gesture("answer_request")
class AnswerRequest(OwnersGesture):
    """Approve or decline the request to join of `member`, by hand."""

    member: int
    approve: bool = True

    def apply(self, world: World) -> JSON:
        group = self.group(world)
        self.check(world, group, "can_invite_users", "manage chat join requests")
        account = world.account(self.member)
        request = withdraw_request(world, group, account) if account is not None else None
        if request is None:
            raise Refused(f"user {self.member} has not asked to join {group.id}")
        if self.approve:
            approve(world, group, request, self.who(world))
        return {}


@gesture("create_link")
class CreateLink(OwnersGesture):
    """Make an invite link; ``link`` is its address."""

    name: str | None = Field(None, max_length=32)
    expire_date: int | None = Field(None, ge=0, le=2**32)
    member_limit: int | None = Field(None, ge=1, le=99_999)
    creates_join_request: bool = False

    def apply(self, world: World) -> JSON:
        group, user = self.group(world), self.who(world)
        self.check(world, group, "can_invite_users", "manage chat invite link")
        if self.member_limit and self.creates_join_request:
            raise Refused("member limit can't be specified for links requiring administrator approval")
        link = InviteLink(user, name=self.name, expire_date=self.expire_date, member_limit=self.member_limit)
        link.creates_join_request = self.creates_join_request
        group.links[link.url] = link
        world.links[link.url] = (group, link)
        world.live.chat(group)
        return {"link": link.url}


@gesture("migrate")
class Migrate(OwnersGesture):
    """Turn a group into a supergroup; ``chat_id`` is its new number. Only its owner does."""

    def apply(self, world: World) -> JSON:
        group, user = self.group(world), self.who(world)
        if group.kind != "group":
            raise Refused(f"{group.id} is a {group.kind} already")
        if not self.free(group) and group.owner is not user:
            raise Refused(f"user {user.id} does not own {group.id}; name the owner, or use force")
        return {"chat_id": migrate(world, group, user).id}
