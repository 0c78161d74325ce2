"""What owners of groups do to bots and members, and to the group."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from community.sandbox.accounts import Account
from community.sandbox.actions.registry import JSON, Gesture, find_bot, find_group, gesture
from community.sandbox.chats import Group
from community.sandbox.errors import Refused
from community.sandbox.members import ALL_RIGHTS, Member
from community.sandbox.membership import admit, change, migrate, remove
from community.sandbox.world import World


class OwnersGesture(Gesture):
    """Done by `user`, who need not be in the group: the sandbox does not ask who may."""

    chat: int | str

    def group(self, world: World) -> Group:
        return find_group(world, self.chat)


@gesture("add_bot")
class AddBot(OwnersGesture):
    """Bring a bot into a group, or change its rights there. `rights`: all of an administrator's by default."""

    bot: int | str | None = None
    admin: bool = False
    rights: list[str] | None = None

    def apply(self, world: World) -> JSON:
        user, group, bot = self.who(world), self.group(world), find_bot(world, self.bot)
        if not group.member(bot, world.clock.date()).present:
            admit(world, group, bot, actor=user)
        rights = ALL_RIGHTS if self.rights is None else ALL_RIGHTS & set(self.rights)
        wanted = Member(bot, "administrator", rights=rights) if self.admin else Member(bot, "member")
        if wanted != group.member(bot, world.clock.date()):
            change(world, group, wanted, actor=user)
        return {}


@gesture("kick_bot")
class KickBot(OwnersGesture):
    """Throw a bot out; it may not come back by itself."""

    bot: int | str | None = None

    def apply(self, world: World) -> JSON:
        user, group, bot = self.who(world), self.group(world), find_bot(world, self.bot)
        if not group.member(bot, world.clock.date()).present:
            raise Refused(f"bot {bot.id} is not in {group.id}")
        remove(world, group, bot, actor=user, status="kicked")
        return {}


@gesture("set_member")
class SetMember(OwnersGesture):
    """Change how `member` stands: add, promote, demote, remove or ban by hand."""

    member: int
    status: Literal["administrator", "member", "left", "kicked"]

    def apply(self, world: World) -> JSON:
        user, group, account = self.who(world), self.group(world), self._account(world)
        old = group.member(account, world.clock.date())
        if self.status in ("left", "kicked"):
            remove(world, group, account, actor=user, status=self.status)
            return {}
        if not old.present:
            admit(world, group, account, actor=user)
        rights = ALL_RIGHTS if self.status == "administrator" else frozenset()
        if old.status != self.status:
            current = group.member(account, world.clock.date())
            if current.status != self.status:
                change(world, group, replace(current, status=self.status, rights=rights), actor=user)
        return {}

    def _account(self, world: World) -> Account:
        account = world.account(self.member)
        if account is None:
            raise Refused(f"no user {self.member}")
        return account


@gesture("migrate")
class Migrate(OwnersGesture):
    """Turn a group into a supergroup; ``chat_id`` is its new number."""

    def apply(self, world: World) -> JSON:
        group = self.group(world)
        if group.kind != "group":
            raise Refused(f"{group.id} is a {group.kind} already")
        return {"chat_id": migrate(world, group, self.who(world)).id}
