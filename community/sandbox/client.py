"""An asynchronous client of the control interface, for tests, benchmarks and the simulator."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

import aiohttp

JSON = dict[str, Any]
Chat = int | str | None
"""A group's number or username; a bot's number or username, or None, for the private chat with it."""


class SandboxError(Exception):
    """The sandbox refused; the message says why."""


class SandboxClient:
    """``async with SandboxClient("http://127.0.0.1:8081") as sandbox: …``

    Each gesture is one request; `act_all` sends hundreds at once. A bot left out means the first one.
    `at` is the sandbox date of a gesture in seconds, now by default.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, verb: str, path: str, body: Any = None, **query: Any) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        named = {key: str(value) for key, value in query.items() if value is not None}
        url = f"{self.base_url}/control/{path}"
        async with self._session.request(verb, url, json=body, params=named) as response:
            answer = await response.json(content_type=None)
        if not answer["ok"]:
            raise SandboxError(answer["error"])
        return answer["result"]

    # Creating

    async def create_users(self, users: list[JSON]) -> list[JSON]:
        """Users of id, first_name, last_name, username, language_code; one result each, perhaps an error."""
        result: list[JSON] = await self._ask("POST", "users", users)
        return result

    async def create_user(self, id: int, first_name: str = "User", **names: str) -> None:
        _checked(await self.create_users([{"id": id, "first_name": first_name, **names}]))

    async def create_bot(
        self, token: str, username: str | None = None, first_name: str | None = None, *, reads_all: bool = True
    ) -> JSON:
        """`reads_all`: group privacy mode is off. Gives id and username."""
        bot = {"token": token, "username": username, "first_name": first_name, "reads_all": reads_all}
        return _checked(await self._ask("POST", "bots", [bot]))

    async def create_group(
        self, title: str, *, kind: str = "supergroup", members: list[int] | None = None, owner: int | None = None,
        bots: list[int] | None = None, admin: bool = True, rights: list[str] | None = None,
        username: str | None = None, id: int | None = None,
    ) -> int:  # fmt: skip
        """A group's number. All bots are in it as administrators unless `bots`, `admin` or `rights` say otherwise."""
        group: JSON = {
            "title": title,
            "kind": kind,
            "members": members or [],
            "owner": owner,
            "bots": bots,
            "admin": admin,
        }
        group |= {"rights": rights, "username": username, "id": id}
        number: int = _checked(await self._ask("POST", "groups", [group]))["id"]
        return number

    async def chats(self) -> JSON:
        """``{"users": […], "bots": […], "groups": […]}``."""
        result: JSON = await self._ask("GET", "chats")
        return result

    # What users do

    async def act_all(self, actions: list[JSON]) -> list[JSON]:
        """Gestures in order, as ``{"do": "say", "user": 17, …}`` with the arguments of the methods below.

        One result each: ``{"ok": true, …}`` or ``{"ok": false, "error": why}``.
        """
        result: list[JSON] = await self._ask("POST", "actions", actions)
        return result

    async def act(self, do: str, **arguments: Any) -> JSON:
        """One gesture; raises SandboxError when refused."""
        action = {"do": do} | {key: value for key, value in arguments.items() if value is not None}
        return _checked(await self.act_all([action]))

    async def start(self, user: int, bot: Chat = None, payload: str = "", *, at: float | None = None) -> JSON:
        return await self.act("start", user=user, bot=bot, payload=payload, at=at)

    async def say(
        self, user: int, chat: Chat, text: str = "", *, reply_to: int | None = None, document: JSON | None = None,
        thread: int | None = None, at: float | None = None,
    ) -> JSON:  # fmt: skip
        """Gives message_id. A document is name, mime_type and text or data (base64)."""
        more = {"reply_to": reply_to, "document": document, "thread": thread, "at": at}
        return await self.act("say", user=user, chat=chat, text=text, **more)

    async def press(
        self, user: int, *, text: str | None = None, data: str | None = None, message: int | None = None,
        chat: Chat = None, at: float | None = None,
    ) -> JSON:  # fmt: skip
        """Gives callback_query_id, message_id (reply keyboard) or url (and followed: a ?start= link was taken)."""
        return await self.act("press", user=user, chat=chat, message=message, text=text, data=data, at=at)

    async def react(self, user: int, chat: Chat, message: int, emoji: str = "👍", *, at: float | None = None) -> JSON:
        """An empty emoji takes the reaction back."""
        return await self.act("react", user=user, chat=chat, message=message, emoji=emoji, at=at)

    async def edit(self, user: int, chat: Chat, message: int, text: str, *, at: float | None = None) -> JSON:
        return await self.act("edit", user=user, chat=chat, message=message, text=text, at=at)

    async def request_join(self, user: int, link: str, *, at: float | None = None) -> JSON:
        return await self.act("request_join", user=user, link=link, at=at)

    async def join(self, user: int, *, link: str | None = None, chat: Chat = None, at: float | None = None) -> JSON:
        return await self.act("join", user=user, link=link, chat=chat, at=at)

    async def leave(self, user: int, chat: Chat, *, at: float | None = None) -> JSON:
        return await self.act("leave", user=user, chat=chat, at=at)

    async def block(self, user: int, bot: Chat = None, *, at: float | None = None) -> JSON:
        return await self.act("block", user=user, bot=bot, at=at)

    async def unblock(self, user: int, bot: Chat = None, *, at: float | None = None) -> JSON:
        return await self.act("unblock", user=user, bot=bot, at=at)

    async def delete_account(self, user: int, *, at: float | None = None) -> JSON:
        return await self.act("delete_account", user=user, at=at)

    async def add_bot(
        self, user: int, chat: Chat, bot: Chat = None, *, admin: bool = False, rights: list[str] | None = None
    ) -> JSON:
        """Also changes the rights of a bot that is there."""
        return await self.act("add_bot", user=user, chat=chat, bot=bot, admin=admin, rights=rights)

    async def kick_bot(self, user: int, chat: Chat, bot: Chat = None) -> JSON:
        return await self.act("kick_bot", user=user, chat=chat, bot=bot)

    async def set_member(self, user: int, chat: Chat, member: int, status: str) -> JSON:
        """`user` makes `member` administrator, member, left or kicked."""
        return await self.act("set_member", user=user, chat=chat, member=member, status=status)

    async def migrate(self, user: int, chat: Chat) -> int:
        """The number of the supergroup that a group becomes."""
        number: int = (await self.act("migrate", user=user, chat=chat))["chat_id"]
        return number

    # What there is to see

    async def history(self, chat: Chat = None, *, user: int | None = None, limit: int = 100) -> list[JSON]:
        """A group's messages, or with `user` those of the private chat with a bot; oldest first."""
        result: list[JSON] = await self._ask("GET", "history", chat=chat, user=user, limit=limit)
        return result

    async def received(self, user: int, since: float = 0) -> list[JSON]:
        """What bots wrote to `user` in private since a sandbox date."""
        result: list[JSON] = await self._ask("GET", "received", user=user, since=since)
        return result

    async def delivered(self, after: int = 0, limit: int = 10_000) -> JSON:
        """All that bots wrote anywhere: messages, and `next` to pass as `after` the next time."""
        result: JSON = await self._ask("GET", "delivered", after=after, limit=limit)
        return result

    async def join_requests(self, chat: int | None = None) -> list[JSON]:
        result: list[JSON] = await self._ask("GET", "join-requests", chat=chat)
        return result

    async def invite_links(self, chat: int | None = None) -> list[JSON]:
        """With joined (there now) and pending."""
        result: list[JSON] = await self._ask("GET", "invite-links", chat=chat)
        return result

    async def callback(self, callback_query_id: str) -> JSON:
        """``{"answered": …, "text": …, "show_alert": …, "url": …}``."""
        result: JSON = await self._ask("GET", "callback", id=callback_query_id)
        return result

    async def journal(
        self, *, after: int = 0, method: str | None = None, chat_id: int | str | None = None,
        bot_id: int | None = None, limit: int = 1000,
    ) -> list[JSON]:  # fmt: skip
        """Bots' calls in order: number, date, arrived, method, chat_id, params, error, description, fault."""
        query = {"after": after, "method": method, "chat_id": chat_id, "bot_id": bot_id, "limit": limit}
        result: list[JSON] = await self._ask("GET", "journal", **query)
        return result

    # Circumstances

    async def meter(self, bot: Chat = None) -> JSON:
        """calls, methods, worst_second, worst_chat_second, worst_group_minute, too_many."""
        result: JSON = await self._ask("GET", "meter", bot=bot)
        return result

    async def reset_meter(self) -> None:
        await self._ask("DELETE", "meter")

    async def set_limits(self, enforced: bool = True, **limits: int) -> JSON:
        """per_second, per_chat_second, per_group_minute."""
        result: JSON = await self._ask("PATCH", "limits", {"enforced": enforced} | limits)
        return result

    async def add_fault(self, kind: str, **rule: Any) -> int:
        """latency, status, drop_after_accept, reset, too_many or blocked, with the fields of `faults.Rule`."""
        number: int = _checked(await self._ask("POST", "faults", [{"kind": kind} | rule]))["id"]
        return number

    async def faults(self) -> JSON:
        result: JSON = await self._ask("GET", "faults")
        return result

    async def clear_faults(self, id: int | None = None) -> None:
        """One rule, or all of them and the general latency."""
        await self._ask("DELETE", "faults", {} if id is None else {"id": id})

    async def set_latency(self, latency_ms: float) -> None:
        """Every bot call waits this long before its effect."""
        await self._ask("PUT", "latency", {"latency_ms": latency_ms})

    async def now(self) -> float:
        """Sandbox time in seconds."""
        moment: float = (await self._ask("GET", "clock"))["now"]
        return moment

    async def set_clock(self, now: float, *, frozen: bool = False) -> None:
        await self._ask("PATCH", "clock", {"now": now, "frozen": frozen})

    async def advance_clock(self, seconds: float) -> None:
        await self._ask("PATCH", "clock", {"advance": seconds})

    async def real_clock(self) -> None:
        await self._ask("PATCH", "clock", {"real": True})

    async def inject(self, update: JSON, bot: Chat = None) -> int:
        """Queue a raw update, well formed or not; its update_id."""
        number: int = (await self._ask("POST", "updates", {"update": update, "bot": bot}))["update_id"]
        return number

    async def pending(self) -> dict[int, int]:
        """Updates not yet confirmed or delivered, by bot."""
        return {int(bot): count for bot, count in (await self._ask("GET", "pending")).items()}

    async def wait_idle(self, within: float = 10, *, bot: int | None = None) -> None:
        """Until no update is pending (of one bot, or of all). Raises TimeoutError after `within` seconds."""
        async with asyncio.timeout(within):
            while await self._busy(bot):  # noqa: ASYNC110 - the event is in another process
                await asyncio.sleep(0.01)

    async def _busy(self, bot: int | None) -> bool:
        return any(count for each, count in (await self.pending()).items() if bot in (None, each))

    async def reset(self) -> None:
        """Everything as after a start."""
        await self._ask("POST", "reset")


def _checked(results: list[JSON]) -> JSON:
    if not results[0]["ok"]:
        raise SandboxError(results[0]["error"])
    return results[0]
