"""What users do."""

from __future__ import annotations

from typing import Any

from community.sandbox.client.connection import JSON, Chat, Connection, first


class Gestures(Connection):
    """Each gesture is one request; `act_all` sends hundreds at once."""

    async def act_all(self, actions: list[JSON]) -> list[JSON]:
        """Gestures in order, as ``{"do": "say", "user": 17, …}`` with the arguments of the methods below.

        One result each: ``{"ok": true, …}`` or ``{"ok": false, "error": why}``.
        """
        result: list[JSON] = await self.ask("POST", "actions", actions)
        return result

    async def act(self, do: str, **arguments: Any) -> JSON:
        """One gesture; raises SandboxError when refused."""
        action = {"do": do} | {key: value for key, value in arguments.items() if value is not None}
        return first(await self.act_all([action]))

    async def start(self, user: int, bot: Chat = None, payload: str = "", *, at: float | None = None) -> JSON:
        return await self.act("start", user=user, bot=bot, payload=payload, at=at)

    async def say(
        self, user: int, chat: Chat, text: str = "", *, reply_to: int | None = None, document: JSON | None = None,
        media: list[JSON] | None = None, location: JSON | None = None, contact: JSON | None = None,
        thread: int | None = None, anonymous: bool | None = None, as_chat: int | str | None = None,
        at: float | None = None,
    ) -> JSON:  # fmt: skip
        """Gives message_id, and message_ids of an album. A document is name, mime_type and text or data (base64).

        `media`: the same with a kind (photo, video, voice …), up to ten. `location`: latitude, longitude. `contact`:
        phone_number, first_name, last_name, user_id. `anonymous`: as the group itself, for its administrators;
        `as_chat`: as a channel of one's own.
        """
        more: JSON = {"reply_to": reply_to, "document": document, "media": media, "location": location}
        more |= {"anonymous": anonymous, "as_chat": as_chat}
        return await self.act("say", user=user, chat=chat, text=text, contact=contact, thread=thread, at=at, **more)

    async def press(
        self, user: int, *, text: str | None = None, data: str | None = None, message: int | None = None,
        chat: Chat = None, location: JSON | None = None, shared: list[int] | None = None, at: float | None = None,
    ) -> JSON:  # fmt: skip
        """Gives callback_query_id, message_id (reply keyboard), copied, inline_query, or url.

        With url, followed says whether a ?start= link was taken. `location` and `shared` (numbers of users, or of one
        chat) are for buttons that ask for them.
        """
        more: JSON = {"location": location, "shared": shared, "at": at}
        return await self.act("press", user=user, chat=chat, message=message, text=text, data=data, **more)

    async def vote(self, user: int, chat: Chat, message: int, *options: int, at: float | None = None) -> JSON:
        """Options are counted from 0; none takes the vote back."""
        return await self.act("vote", user=user, chat=chat, message=message, options=list(options), at=at)

    async def react(self, user: int, chat: Chat, message: int, emoji: str = "👍", *, at: float | None = None) -> JSON:
        """An empty emoji takes the reaction back."""
        return await self.act("react", user=user, chat=chat, message=message, emoji=emoji, at=at)

    async def edit(self, user: int, chat: Chat, message: int, text: str, *, at: float | None = None) -> JSON:
        return await self.act("edit", user=user, chat=chat, message=message, text=text, at=at)

    async def delete(self, user: int, chat: Chat, message: int, *, at: float | None = None) -> JSON:
        return await self.act("delete", user=user, chat=chat, message=message, at=at)

    async def forward(self, user: int, chat: Chat, message: int, to: Chat, *, at: float | None = None) -> JSON:
        """Gives the message_id in the chat `to`."""
        return await self.act("forward", user=user, chat=chat, message=message, to=to, at=at)

    async def request_join(
        self, user: int, link: str | None = None, *, chat: Chat = None, at: float | None = None
    ) -> JSON:
        """By a link that asks for approval, or into a public chat that does."""
        return await self.act("request_join", user=user, link=link, chat=chat, at=at)

    async def join(
        self, user: int, *, link: str | None = None, chat: Chat = None, folder: bool | None = None,
        at: float | None = None,
    ) -> JSON:  # fmt: skip
        """`folder`: the link was in a chat folder."""
        return await self.act("join", user=user, link=link, chat=chat, folder=folder, at=at)

    async def follow(self, user: int, link: str, *, chat: Chat = None) -> JSON:
        """Open a link of t.me. Gives followed: start, add_bot (to `chat`), join or request_join."""
        return await self.act("follow", user=user, link=link, chat=chat)

    async def leave(self, user: int, chat: Chat, *, at: float | None = None) -> JSON:
        return await self.act("leave", user=user, chat=chat, at=at)

    async def block(self, user: int, bot: Chat = None, *, at: float | None = None) -> JSON:
        return await self.act("block", user=user, bot=bot, at=at)

    async def unblock(self, user: int, bot: Chat = None, *, at: float | None = None) -> JSON:
        return await self.act("unblock", user=user, bot=bot, at=at)

    async def delete_account(self, user: int, *, at: float | None = None) -> JSON:
        return await self.act("delete_account", user=user, at=at)
