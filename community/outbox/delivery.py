"""The delivery loop: claim what fits into free connections and granted budget, send it, record what came of it."""

import asyncio
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from psycopg import DataError, OperationalError
from psycopg_pool import PoolTimeout

from community.channels.channel import Channel, Outcome, Outgoing, Result
from community.database.installation import sop_now
from community.database.pool import Connection, Pool
from community.errors import SopError
from community.outbox.bundles import Bundles
from community.outbox.claim import LEASE, MOST_ROWS, Claim, claim, next_slot
from community.outbox.compose import Composer
from community.outbox.outage import Outage
from community.outbox.pace import MISSED_S, RoundTrip
from community.outbox.record import Delivered, Recorder

log = logging.getLogger(__name__)

POLL_S = 1.0
"""Backs the wake-ups: what was missed is seen a second later."""
GATHER_S = 0.02
"""From a claim of few messages until the next: under load that one takes many."""
CROWDED_S = 0.01
ASKING_S = 0.1
RECORD_ROWS = 64
RECORD_EVERY_S = 0.02
DATABASE_AWAY = (OperationalError, PoolTimeout)


class Delivery:
    """Delivers one bot's outbox from this process. Several processes share the work and the limits."""

    def __init__(
        self, pool: Pool, channel: Channel, bundles: Bundles, composer: Composer, *, process: str, connections: int
    ) -> None:
        self._pool, self._channel, self._bundles, self._composer = pool, channel, bundles, composer
        self._bot_id, self._process, self._free = composer.bot_id, process, connections
        self._may_claim = 0.0
        """Monotonic second from which the next claim may begin."""
        self._recorder, self._round_trip, self._outage = Recorder(self._bot_id), RoundTrip(), Outage()
        self._outcomes: asyncio.Queue[Delivered] = asyncio.Queue()
        self._sends: set[asyncio.Task[None]] = set()
        self._enough = min(MOST_ROWS // 2, connections)
        self._wake, self._freed, self._stopping = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def wake(self) -> None:
        """Something may be due: look at once."""
        self._wake.set()

    def stop(self) -> None:
        """Claim nothing more; `run` returns when all that is on its way has been recorded."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Deliver until `stop()`. A database that is away is waited for; nothing is lost meanwhile."""
        recording = asyncio.create_task(self._record_forever())
        try:
            while not self._stopping.is_set():
                await self._survive(self._round)
            await asyncio.gather(*self._sends)
            await self._outcomes.join()
        finally:
            recording.cancel()

    async def _survive(self, part: Callable[[], Awaitable[None]]) -> None:
        try:
            await part()
        except (*DATABASE_AWAY, SopError) as error:
            log.warning("delivery: %s; trying again", error)
            await _wait(self._stopping, POLL_S)

    async def _round(self) -> None:
        """One claim, or one wait for a reason to claim."""
        self._wake.clear()
        if await self._is_crowded() or await self._is_unanswered() or self._stopping.is_set():
            return
        await _wait(self._stopping, self._may_claim - time.monotonic())
        began = time.monotonic()
        found, jobs = await self._claim()
        claimed = time.monotonic()
        self._may_claim = began + (GATHER_S if len(jobs) < self._enough else 0.0)
        for row, outgoing in jobs:
            self._start(self._deliver(row, outgoing, claimed))
        if found.next_in_s is not None:
            await _wait(self._stopping, found.next_in_s)
        elif not found.rows and not found.settled:
            await _wait(self._wake, POLL_S)

    async def _is_crowded(self) -> bool:
        """Under load, wait for a few free connections: claims of single rows would cost more than they bring."""
        self._freed.clear()
        if self._free >= self._enough:
            return False
        await _wait(self._freed, CROWDED_S)
        return self._free <= 0

    async def _is_unanswered(self) -> bool:
        """While Telegram does not answer, wait until the one message that asks is back and has rested."""
        if not self._outage.lasts or not (self._sends or self._outage.wait_s):
            return False
        await _wait(self._stopping, self._outage.wait_s or ASKING_S)
        return True

    async def _claim(self) -> tuple[Claim, list[tuple[dict[str, Any], Outgoing | Outcome]]]:
        async with self._pool.connection() as conn:
            now_at = await sop_now(conn)
            playbook = (await self._bundles.current(conn)).playbook
            limit = 1 if self._outage.lasts else self._free
            found = await claim(conn, self._bot_id, playbook, now_at, self._process, limit)
            return found, [(row, await self._compose(conn, row)) for row in found.rows]

    async def _compose(self, conn: Connection, row: dict[str, Any]) -> Outgoing | Outcome:
        """What is claimed has an outcome whatever happens, or it would be in doubt until its lease runs out."""
        try:
            return await self._composer.compose(conn, row)
        except DATABASE_AWAY:
            return Outcome(Result.later, "database_away")
        except Exception as error:
            _log_fault(row, error)
            return Outcome(Result.refused, f"not_rendered: {type(error).__name__}")

    def _start(self, sending: Coroutine[Any, Any, None]) -> None:
        self._free -= 1
        task = asyncio.create_task(sending)
        self._sends.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._sends.discard(task)
        self._free += 1
        if self._free >= self._enough:
            self._freed.set()

    async def _deliver(self, row: dict[str, Any], outgoing: Outgoing | Outcome, claimed: float) -> None:
        if isinstance(outgoing, Outgoing):
            delivered = await self._send(row, outgoing, claimed)
        else:
            delivered = Delivered(row, outgoing)
        self._outcomes.put_nowait(delivered)

    async def _send(self, row: dict[str, Any], outgoing: Outgoing, claimed: float) -> Delivered:
        try:
            await self._slot(row)
        except DATABASE_AWAY:
            return Delivered(row, Outcome(Result.later, "database_away"))
        began = time.monotonic()
        if began - claimed >= LEASE.total_seconds() / 2:
            return Delivered(row, Outcome(Result.later, "not_sent_within_lease"))
        outcome = await self._hand_over(row, outgoing)
        late_s = self._round_trip.late_s(row["slot"], began, time.monotonic()) if row["slot"] is not None else 0.0
        return Delivered(row, outcome, late_s)

    async def _hand_over(self, row: dict[str, Any], outgoing: Outgoing) -> Outcome:
        try:
            outcome = await self._channel.send(outgoing)
        except Exception as error:  # a fault of ours: it may have happened after Telegram took the message
            _log_fault(row, error)
            return Outcome(Result.unknown, f"crashed: {type(error).__name__}")
        self._outage.observe(outgoing.chat_id, outcome)
        return outcome

    async def _slot(self, row: dict[str, Any]) -> None:
        """Wait for the message's slot, and take another whenever it was missed: no catching up."""
        while (slot := row["slot"]) is not None:
            if (wait := slot - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            if time.monotonic() - slot <= MISSED_S:
                return
            async with self._pool.connection() as conn:
                row["slot"] = await next_slot(conn, self._bot_id)

    async def _record_forever(self) -> None:
        while True:
            batch = [await self._outcomes.get()]
            if self._outcomes.qsize() < RECORD_ROWS and self._sends:
                await asyncio.sleep(RECORD_EVERY_S)
            while len(batch) < RECORD_ROWS * 4 and not self._outcomes.empty():
                batch.append(self._outcomes.get_nowait())
            await self._record(batch)
            self._wake.set()  # chats whose message has arrived may have another one waiting
            for _ in batch:
                self._outcomes.task_done()

    async def _record(self, batch: list[Delivered]) -> None:
        while True:
            try:
                async with self._pool.connection() as conn:
                    return await self._recorder.record(conn, batch)
            except DATABASE_AWAY as error:
                log.warning("delivery: outcomes not recorded yet: %s", error)
                await asyncio.sleep(POLL_S)
            except DataError as error:
                if len(batch) == 1:  # its lease runs out, and it is recovered as in doubt
                    return _log_fault(batch[0].row, error)
                for item in batch:
                    await self._record([item])
                return None


def _log_fault(row: dict[str, Any], error: Exception) -> None:
    """Log a fault of ours without its text, which may hold a token or a member's words."""
    trace = "".join(traceback.format_tb(error.__traceback__))
    log.error("delivery: message %s: %s\n%s", row["id"], type(error).__name__, trace)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):  # wait_for may swallow a cancellation before Python 3.12
            await event.wait()
    except TimeoutError:
        return
