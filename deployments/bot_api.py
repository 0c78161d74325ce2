"""Asking the Bot API on an operator's behalf: reads and settings of the bot, never messages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from community.errors import SopError, TokenError

ANSWER_S = 10


class TelegramRefused(SopError):
    """The Bot API refused a call; the message is Telegram's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call brought. `clock`: Telegram's, to the second; None where the answer does not tell."""

    result: Any
    clock: datetime | None


class BotApi:
    """The Bot API of one token. Errors never hold the address, since the token is in it."""

    def __init__(self, client: aiohttp.ClientSession, api: str, token: str) -> None:
        self._client, self._address = client, f"{api}/bot{token}"

    async def ask(self, method: str, **parameters: Any) -> Answer:
        """Call a method. Raises TokenError when the token is refused or Telegram is away, else TelegramRefused."""
        try:
            async with self._client.post(f"{self._address}/{method}", json=parameters) as response:
                status, clock = response.status, _moment(response.headers.get("Date"))
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            reason = type(error).__name__
            raise TokenError(f"Telegram cannot be reached ({reason}); check this machine's network") from None
        if status in (401, 404):
            raise TokenError("Telegram does not know this token; copy it again from @BotFather")
        if status != 200:
            raise TelegramRefused(f"{method}: Telegram answers {status} ({str(answer.get('description'))[:200]})")
        return Answer(answer["result"], clock)


@asynccontextmanager
async def bot_api(api: str, token: str) -> AsyncIterator[BotApi]:
    """The Bot API at the address `api` (without a trailing slash)."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S)) as client:
        yield BotApi(client, api, token)


def _moment(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except ValueError:
        return None
