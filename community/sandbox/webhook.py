"""Delivery by webhook: updates of one lane in order, lanes side by side, each tried until accepted."""

from __future__ import annotations

import asyncio
import time
from collections import deque

import aiohttp
import orjson

from community.sandbox.updates import Inbox, Update, Webhook

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header
TIMEOUT = aiohttp.ClientTimeout(total=15)
LONGEST_PAUSE = 60.0


class Courier:
    """Carries one bot's updates to its webhook over at most `max_connections` connections."""

    def __init__(self, inbox: Inbox, webhook: Webhook, backoff: float) -> None:
        self.inbox = inbox
        self.webhook = webhook
        self.backoff = backoff
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
        self.inbox.queue.extend(self.waiting.values())
        self.waiting.clear()

    def drop(self) -> None:
        """Forget what waits."""
        self.waiting.clear()
        self._lanes.clear()
        self._ready.clear()

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
            update.settle()
            self.waiting.pop(update.id, None)
            if queue := self._lanes.get(lane):
                queue.popleft()
            if queue:
                self._ready.append(lane)
            else:
                self._lanes.pop(lane, None)

    async def _carry(self, update: Update) -> None:
        pause = self.backoff
        while not await self._accepted(orjson.dumps(update.body)):
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _accepted(self, body: bytes) -> bool:
        headers = {"Content-Type": "application/json"}
        if self.webhook.secret_token:
            headers[SECRET_HEADER] = self.webhook.secret_token
        try:
            async with self._http().post(self.webhook.url, data=body, headers=headers) as response:
                if response.status < 300:
                    return True
                return self._failed(f"Wrong response from the webhook: {response.status} {response.reason}")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return self._failed(str(error) or type(error).__name__)

    def _failed(self, why: str) -> bool:
        self.webhook.last_error_date = int(time.time())
        self.webhook.last_error_message = why
        return False

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=self.webhook.max_connections)
            self._session = aiohttp.ClientSession(connector=connector, timeout=TIMEOUT)
        return self._session
