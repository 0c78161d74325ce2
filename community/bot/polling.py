"""Fetch updates by long polling: one process at a time, the others stand by."""

import asyncio
import json
import logging
from typing import Any

import aiohttp
from psycopg import OperationalError

from community.bot.counters import POLLING_CONFLICTS
from community.bot.inbox import ALLOWED_UPDATES, MalformedUpdate, channels, store, update_id_of
from community.database.pool import Connection, Pool, connect
from community.database.queries import load
from community.database.wakeup import Wakeup
from community.errors import DatabaseError
from community.telegram_html import showable

queries = load(__file__)
log = logging.getLogger(__name__)

LONG_POLL_S = 25
GATHER_S = 0.02
"""Rest after updates came: under load the next poll brings many, which are stored together."""
STAND_BY_S = 1.0
"""How often a process that stands by asks whether the leader is gone."""
CONFLICT_S = 5.0
MOST_BACKOFF_S = 30.0
MOST_WAIT_S = 3600
"""Longest wait, whatever the answer asks for."""
UNREACHED = (aiohttp.ClientError, TimeoutError, ValueError, RecursionError)
"""No answer, or none that is JSON."""


class Refused(Exception):
    """Telegram refused the call; `wait_s` says when to ask again."""

    def __init__(self, description: str, wait_s: float) -> None:
        super().__init__(description)
        self.wait_s = wait_s


class Polling:
    """Fetches updates while it holds the leader lock, a session lock on a connection of its own."""

    def __init__(self, url: str, pool: Pool, wakeup: Wakeup, *, api: str, token: str, bot_id: int) -> None:
        self._url = url
        self._pool = pool
        self._wakeup = wakeup
        self._address = f"{api}/bot{token}/getUpdates"
        self._bot_id = bot_id
        self._backoff_s = 1.0
        self.leading = asyncio.Event()

    async def run(self) -> None:
        """Become the leader, fetch; stand by again whenever the lock's connection is lost. Until cancelled."""
        while True:
            try:
                async with await connect(self._url) as lock:
                    await self._wait_for_lead(lock)
                    await self._fetch_all(lock)
            except (OperationalError, DatabaseError) as error:
                log.warning("polling: %s; standing by", str(error).splitlines()[0])
                await asyncio.sleep(STAND_BY_S)
            finally:
                self.leading.clear()

    async def _wait_for_lead(self, lock: Connection) -> None:
        while True:
            row = await (await lock.execute(queries.take_lead, {"name": f"polling:{self._bot_id}"})).fetchone()
            if row and row["leads"]:
                self.leading.set()
                return
            await asyncio.sleep(STAND_BY_S)

    async def _fetch_all(self, lock: Connection) -> None:
        """What is stored is acknowledged by the next call's offset, never before."""
        offset: int | None = None
        timeout = aiohttp.ClientTimeout(total=LONG_POLL_S + 15, connect=5)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                await lock.execute("SELECT 1")  # the lock lasts as long as its connection
                try:
                    offset = await self._fetch(session, offset)
                    self._backoff_s = 1.0
                except Refused as refusal:
                    log.warning("getUpdates: %s; again in %.0f s", refusal, refusal.wait_s)
                    await asyncio.sleep(refusal.wait_s)
                except UNREACHED as error:  # only its class: its text may hold the address, and so the token
                    log.warning("getUpdates: %s; again in %.0f s", type(error).__name__, self._backoff_s)
                    await asyncio.sleep(self._backoff_s)
                    self._backoff_s = min(MOST_BACKOFF_S, self._backoff_s * 2)

    async def _fetch(self, session: aiohttp.ClientSession, offset: int | None) -> int | None:
        """One long poll: store what came; returns the offset that acknowledges it."""
        query: dict[str, Any] = {"timeout": LONG_POLL_S, "allowed_updates": ALLOWED_UPDATES}
        if offset is not None:
            query["offset"] = offset
        async with session.post(self._address, json=query) as response:
            answer = json.loads(await response.read())
        updates = _result(answer)
        if not updates:
            return offset
        async with self._pool.connection() as conn:
            await store(conn, self._bot_id, updates)
        for channel in channels(updates):
            self._wakeup.ring(channel)
        await asyncio.sleep(GATHER_S)
        return max([offset or 0, *(number + 1 for number in map(_number, updates) if number is not None)])


def _result(answer: Any) -> list[Any]:
    if isinstance(answer, dict) and answer.get("ok") and isinstance(answer.get("result"), list):
        return list(answer["result"])
    code = answer.get("error_code") if isinstance(answer, dict) else None
    description = (
        showable(str(answer.get("description", code)))[:200]
        if isinstance(answer, dict)
        else "not an answer of the Bot API"
    )
    match code:
        case 409:
            POLLING_CONFLICTS.inc()
            raise Refused(f"{description} (does another program use this token?)", CONFLICT_S)
        case 429:
            raise Refused(description, _retry_after(answer.get("parameters")))
        case _:
            raise Refused(description, MOST_BACKOFF_S if code in (401, 404) else CONFLICT_S)


def _retry_after(parameters: Any) -> float:
    seconds = parameters.get("retry_after") if isinstance(parameters, dict) else None
    return float(min(seconds, MOST_WAIT_S)) if isinstance(seconds, (int, float)) and seconds >= 0 else CONFLICT_S


def _number(update: Any) -> int | None:
    try:
        return update_id_of(update)
    except MalformedUpdate:
        return None  # counted when it was to be stored
