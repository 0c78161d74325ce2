"""What happened, and in what order."""

from __future__ import annotations

from typing import Literal

from community.sandbox.client.connection import JSON, Connection


class Journal(Connection):
    """Calls, updates, gestures, what fell due."""

    async def journal(
        self, *, kind: str = "call", after: int = 0, method: str | None = None, chat_id: int | str | None = None,
        user: int | None = None, bot_id: int | None = None, error: int | str | None = None,
        since: float | None = None, until: float | None = None, limit: int = 1000,
    ) -> list[JSON]:  # fmt: skip
        """Entries in order: number, date, arrived, kind, method, chat_id, user_id, params, error, description, fault,
        duration, effects (change, chat_id, message_id).

        `kind`: call, update, gesture, due or all. `user`: what someone did, and what reached them in private and in
        groups they were in. `since`, `until`: sandbox dates in seconds. `error`: a code, "any" or "none".
        """
        query = {"kind": kind, "after": after, "method": method, "chat_id": chat_id, "user": user, "bot_id": bot_id}
        query |= {"error": error, "since": since, "until": until, "limit": limit}
        result: list[JSON] = await self.ask("GET", "journal", **query)
        return result

    async def export_journal(self, format: Literal["jsonl", "csv"] = "jsonl", **query: int | float | str) -> bytes:
        """The same as a file, one entry a line: all of it, or what the arguments of `journal` choose."""
        return await self.download("journal/export", format=format, **query)

    async def message(self, chat: int, message: int, *, bot: int | None = None) -> JSON:
        """One message by an effect's chat and number; `bot` tells private chats of one person apart."""
        result: JSON = await self.ask("GET", "message", chat=chat, message=message, bot=bot)
        return result
