"""Blocking a bot, and deleting one's account."""

from __future__ import annotations

from community.sandbox.actions.registry import JSON, Gesture, find_bot, gesture
from community.sandbox.membership import set_blocked, withdraw_request
from community.sandbox.world import World


@gesture("block")
class Block(Gesture):
    """Block a bot; again has no effect."""

    bot: int | str | None = None

    def apply(self, world: World) -> JSON:
        dialog = world.dialog(find_bot(world, self.bot), self.who(world))
        if not dialog.blocked:
            set_blocked(world, dialog, True)
        return {}


@gesture("unblock")
class Unblock(Gesture):
    """Take a block back; without one no effect."""

    bot: int | str | None = None

    def apply(self, world: World) -> JSON:
        dialog = world.dialog(find_bot(world, self.bot), self.who(world))
        if dialog.blocked:
            set_blocked(world, dialog, False)
        return {}


@gesture("delete_account")
class DeleteAccount(Gesture):
    """Gone for good. Telegram tells nobody; groups keep an account without a name, requests to join are gone."""

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        user.deactivated = True
        user.first_name, user.last_name, user.username = "", None, None
        user.renamed()
        for chat_id in list(user.requests):
            withdraw_request(world, world.groups[chat_id], user)
        world.live.account(user)
        return {}
