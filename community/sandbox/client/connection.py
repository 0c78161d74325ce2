"""Asking the control interface."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import aiohttp

JSON = dict[str, Any]
Chat = int | str | None
"""A group's number or username; a bot's number or username, or None, for the private chat with it."""


class SandboxError(Exception):
    """The sandbox refused; the message says why."""


class Connection:
    """One HTTP session, opened at the first question."""

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

    async def ask(self, verb: str, path: str, body: Any = None, **query: Any) -> Any:
        """The answer's result. A body is JSON, or bytes as they are. Raises SandboxError."""
        sent = {"data": body} if isinstance(body, bytes) else {"json": body}
        async with self._request(verb, path, query, **sent) as response:
            answer = await response.json(content_type=None)
        if not answer["ok"]:
            raise SandboxError(answer["error"])
        return answer["result"]

    async def download(self, path: str, **query: Any) -> bytes:
        """A whole file. Raises SandboxError."""
        async with self._request("GET", path, query) as response:
            if response.status >= 400:
                raise SandboxError((await response.json(content_type=None))["error"])
            data: bytes = await response.read()
            return data

    def _request(self, verb: str, path: str, query: JSON, **sent: Any) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        named = {key: str(value) for key, value in query.items() if value is not None}
        return self._session.request(verb, f"{self.base_url}/control/{path}", params=named, **sent)


def first(results: list[JSON]) -> JSON:
    """The result of the only entry; raises SandboxError when it was refused."""
    if not results[0]["ok"]:
        raise SandboxError(results[0]["error"])
    return results[0]
