"""Asking the Bot API on an operator's behalf: reads and settings of the bot, never messages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from community.errors import TelegramRefused, TokenError

ANSWER_S = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call brought. `clock`: Telegram's, to the second; None where the answer does not tell."""

    result: Any
    clock: datetime | None


class BotApi:
    """The Bot API of one token. Errors never hold the address, since the token is in it."""

    def __init__(self, client: aiohttp.ClientSession, api: str, token: str, named: str) -> None:
        self._client, self._address, self._named = client, f"{api}/bot{token}", named

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
            raise TokenError(f"{self._named}: Telegram does not know this token; copy it again from @BotFather")
        if status != 200 or not isinstance(answer, dict) or "result" not in answer:
            why = str(answer.get("description", "no reason")) if isinstance(answer, dict) else "not its own words"
            raise TelegramRefused(f"Telegram answers {status} to {method} ({why[:200]})")
        return Answer(answer["result"], clock)


@asynccontextmanager
async def bot_api(
    api: str, token: str, *, named: str = "SOP_TELEGRAM_TOKEN", within_s: float = ANSWER_S
) -> AsyncIterator[BotApi]:
    """The Bot API at the address `api` (without a trailing slash). `named`: what an error calls the token."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=within_s)) as client:
        yield BotApi(client, api, token, named)


def _moment(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except ValueError:
        return None
