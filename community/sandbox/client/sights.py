"""What there is to see in chats."""

from __future__ import annotations

from community.sandbox.client.connection import JSON, Chat, Connection


class Sights(Connection):
    """Messages, links, requests, answers."""

    async def history(self, chat: Chat = None, *, user: int | None = None, limit: int = 100) -> list[JSON]:
        """A group's messages, or with `user` those of the private chat with a bot; oldest first."""
        result: list[JSON] = await self.ask("GET", "history", chat=chat, user=user, limit=limit)
        return result

    async def user_chats(self, user: int) -> list[JSON]:
        """The chats `user` sees, the newest first, with their date and newest message."""
        result: list[JSON] = await self.ask("GET", "user-chats", user=user)
        return result

    async def members(self, chat: int | str) -> list[JSON]:
        """Everybody who is or was in a group, as Telegram's ChatMember."""
        result: list[JSON] = await self.ask("GET", "members", chat=chat)
        return result

    async def menu(self, user: int, chat: Chat = None) -> list[JSON]:
        """By bot in the chat: the commands `user` is offered, in private also the menu button."""
        result: list[JSON] = await self.ask("GET", "menu", user=user, chat=chat)
        return result

    async def received(
        self, user: int, since: float = 0, until: float | None = None, *, groups: bool = False
    ) -> list[JSON]:  # fmt: skip
        """What bots wrote to `user` in private from a sandbox date on, to before another.

        With `groups` also what came, from anyone, into groups while the user was there.
        """
        span = {"since": since, "until": until}
        result: list[JSON] = await self.ask("GET", "received", user=user, groups=groups or None, **span)
        return result

    async def delivered(self, after: int = 0, limit: int = 10_000) -> JSON:
        """All that bots wrote anywhere: messages, and `next` to pass as `after` the next time."""
        result: JSON = await self.ask("GET", "delivered", after=after, limit=limit)
        return result

    async def keyboard(self, user: int, chat: Chat = None) -> JSON | None:
        """The reply keyboard or forced reply that stands below a user's chat; None when there is none."""
        result: JSON | None = await self.ask("GET", "keyboard", user=user, chat=chat)
        return result

    async def join_requests(self, chat: int | None = None) -> list[JSON]:
        result: list[JSON] = await self.ask("GET", "join-requests", chat=chat)
        return result

    async def invite_links(self, chat: int | None = None) -> list[JSON]:
        """With joined (there now) and pending."""
        result: list[JSON] = await self.ask("GET", "invite-links", chat=chat)
        return result

    async def callback(self, callback_query_id: str) -> JSON:
        """``{"answered": …, "text": …, "show_alert": …, "url": …}``."""
        result: JSON = await self.ask("GET", "callback", id=callback_query_id)
        return result
