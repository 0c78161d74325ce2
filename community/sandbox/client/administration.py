"""What owners and administrators of groups and channels do."""

from __future__ import annotations

from typing import Any

from community.sandbox.client.connection import JSON, Chat
from community.sandbox.client.gestures import Gestures


class Administration(Gestures):
    """Each takes the right to it; `force` does it without."""

    async def add_bot(
        self, user: int, chat: Chat, bot: Chat = None, *, admin: bool = False, rights: list[str] | None = None,
        force: bool | None = None,
    ) -> JSON:  # fmt: skip
        """Also changes the rights of a bot that is there."""
        return await self.act("add_bot", user=user, chat=chat, bot=bot, admin=admin, rights=rights, force=force)

    async def kick_bot(self, user: int, chat: Chat, bot: Chat = None, *, force: bool | None = None) -> JSON:
        return await self.act("kick_bot", user=user, chat=chat, bot=bot, force=force)

    async def set_member(self, user: int, chat: Chat, member: int, status: str, **more: Any) -> JSON:
        """`user` makes `member` administrator, member, restricted, left or kicked.

        More: rights, title, anonymous, permissions, until, force.
        """
        return await self.act("set_member", user=user, chat=chat, member=member, status=status, **more)

    async def answer_request(
        self, user: int, chat: Chat, member: int, *, approve: bool = True, force: bool | None = None
    ) -> JSON:
        return await self.act("answer_request", user=user, chat=chat, member=member, approve=approve, force=force)

    async def create_link(self, user: int, chat: Chat, **settings: Any) -> str:
        """An invite link's address. Settings: name, expire_date, member_limit, creates_join_request, force."""
        link: str = (await self.act("create_link", user=user, chat=chat, **settings))["link"]
        return link

    async def migrate(self, user: int, chat: Chat, *, force: bool | None = None) -> int:
        """The number of the supergroup that a group becomes."""
        number: int = (await self.act("migrate", user=user, chat=chat, force=force))["chat_id"]
        return number

    async def edit_chat(self, user: int, chat: Chat, **settings: Any) -> JSON:
        """Settings: title, description, permissions, slow_mode_delay, username, is_forum, join_by_request, signed,
        linked (0 for none)."""
        return await self.act("edit_chat", user=user, chat=chat, **settings)

    async def pin(self, user: int, chat: Chat, message: int) -> JSON:
        return await self.act("pin", user=user, chat=chat, message=message)

    async def unpin(self, user: int, chat: Chat, message: int | None = None) -> JSON:
        """Without a message all of them."""
        return await self.act("unpin", user=user, chat=chat, message=message)

    async def create_topic(self, user: int, chat: Chat, name: str, **icon: Any) -> int:
        """The topic's number. Icon: icon_color, icon (a custom emoji's number)."""
        thread: int = (await self.act("create_topic", user=user, chat=chat, name=name, **icon))["thread"]
        return thread

    async def edit_topic(self, user: int, chat: Chat, thread: int, **changes: Any) -> JSON:
        """Changes: name, icon; hidden for General, which is number 1."""
        return await self.act("edit_topic", user=user, chat=chat, thread=thread, **changes)

    async def close_topic(self, user: int, chat: Chat, thread: int) -> JSON:
        return await self.act("close_topic", user=user, chat=chat, thread=thread)

    async def reopen_topic(self, user: int, chat: Chat, thread: int) -> JSON:
        return await self.act("reopen_topic", user=user, chat=chat, thread=thread)

    async def delete_topic(self, user: int, chat: Chat, thread: int) -> JSON:
        """With all its messages."""
        return await self.act("delete_topic", user=user, chat=chat, thread=thread)
