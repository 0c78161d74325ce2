"""Delivery by webhook: updates of one lane in order, lanes side by side, each tried until accepted or too old."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import orjson

from community.sandbox.errors import ApiError
from community.sandbox.params import read_params
from community.sandbox.updates import Update, Webhook

if TYPE_CHECKING:
    import aiohttp  # at run time where it is used: loading it takes a fifth of the sandbox's start

    from community.sandbox.accounts import Bot
    from community.sandbox.world import World

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header
TIMEOUT_S = 15
LONGEST_PAUSE = 60.0
LONGEST_WISH = 3600
"""Seconds of pause that a Retry-After header may ask for."""
NOT_IN_ANSWERS = frozenset({"setwebhook", "deletewebhook", "close", "logout"})
"""Methods, with all that begin with get, which the answer to a webhook cannot call."""


class Courier:
    """Carries one bot's updates to its webhook over at most `max_connections` connections."""

    def __init__(self, world: World, bot: Bot, webhook: Webhook) -> None:
        self.world = world
        self.bot = bot
        self.inbox = bot.inbox
        self.webhook = webhook
        self.waiting: dict[int, Update] = {}
        self._lanes: dict[int, deque[Update]] = {}
        self._ready: deque[int] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    def start(self) -> None:
        self.inbox.arrived = self._take
        self._take()

    async def stop(self) -> None:
        """Undelivered updates go back to the inbox, in order."""
        self.inbox.arrived = None
        for worker in list(self._workers):
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
        self.inbox.put_back(self.waiting.values())
        self.waiting.clear()

    def _take(self) -> None:
        while self.inbox.queue:
            update = self.inbox.queue.popleft()
            self.waiting[update.id] = update
            if update.lane not in self._lanes:
                self._lanes[update.lane] = deque()
                self._ready.append(update.lane)
            self._lanes[update.lane].append(update)
        if self._ready and len(self._workers) < self.webhook.max_connections:
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _work(self) -> None:
        while self._ready:
            lane = self._ready.popleft()
            update = self._lanes[lane][0]
            await self._carry(update)
            self.waiting.pop(update.id, None)
            if queue := self._lanes.get(lane):
                queue.popleft()
            if queue:
                self._ready.append(lane)
            else:
                self._lanes.pop(lane, None)

    async def _carry(self, update: Update) -> None:
        """Try with growing pauses, or with those the other side asks for, until the update would be too old."""
        pause, body = self.world.options.webhook_backoff, orjson.dumps(update.body)
        while update.expires > self.world.clock.present():
            wish = await self._refusal(body)
            if wish is None:
                update.settle()
                return
            if self.world.clock.present() + max(pause, wish) > update.expires:
                return
            await asyncio.sleep(max(pause, wish))
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _refusal(self, body: bytes) -> float | None:
        """Send once: None when it was accepted, else the seconds of pause that were asked for, 0 for no wish."""
        import aiohttp

        headers = {"Content-Type": "application/json"}
        if self.webhook.secret_token:
            headers[SECRET_HEADER] = self.webhook.secret_token
        try:
            async with self._http().post(
                self.webhook.url, data=body, headers=headers, allow_redirects=False
            ) as response:  # fmt: skip
                if 200 <= response.status < 300:
                    await self._obey(response.headers.get("Content-Type", "").encode(), await response.read())
                    return None
                self._failed(f"Wrong response from the webhook: {response.status} {response.reason}")
                return _wish(response.headers.get("Retry-After", ""))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            self._failed(str(error) or type(error).__name__)
            return 0

    async def _obey(self, kind: bytes, body: bytes) -> None:
        """An answer may name a method and its parameters."""
        # dispatch knows all methods, and setWebhook among them knows this module.
        from community.sandbox.dispatch import carry_out

        with suppress(ApiError):
            params = read_params(b"", kind, body)
            name = str(params.raw.pop("method", "")).lower()
            if name not in NOT_IN_ANSWERS and not name.startswith("get"):
                await carry_out(self.world, self.bot, name, params)

    def _failed(self, why: str) -> None:
        self.webhook.last_error_date = self.world.clock.date()
        self.webhook.last_error_message = why

    def _http(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            connector = aiohttp.TCPConnector(limit=self.webhook.max_connections)
            self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        return self._session


def _wish(retry_after: str) -> float:
    return min(int(retry_after), LONGEST_WISH) if retry_after.isascii() and retry_after.isdigit() else 0


def begin_webhook(world: World, bot: Bot, webhook: Webhook) -> None:
    """From now on updates go there."""
    bot.inbox.webhook = webhook
    courier = world.couriers[bot.id] = Courier(world, bot, webhook)
    courier.start()


async def end_webhook(world: World, bot: Bot) -> None:
    """Updates wait to be fetched again."""
    courier = world.couriers.pop(bot.id, None)
    bot.inbox.webhook = None
    if courier is not None:
        await courier.stop()
