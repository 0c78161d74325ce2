"""Workers: each takes one user's oldest update at a time and handles it in one transaction.

A crash repeats the update cleanly; a handler that raises marks its update failed, staff are told, and the user's later
updates go on. Order per user holds over all replicas (see `claim` in queries.sql).
"""

import asyncio
import logging
import traceback
from datetime import datetime
from typing import Any

from psycopg import Error as DatabaseTrouble, OperationalError

from community.bot.counters import UPDATES
from community.bot.direct import Direct
from community.bot.dispatch import dispatch, moment_of, read
from community.bot.inbox import UNKNOWN
from community.bot.turn import Turn
from community.bot.wishes import Wishes
from community.bundle import Bundle
from community.database.installation import present, sop_now
from community.database.pool import Connection, Pool, is_in_trouble
from community.database.queries import load
from community.database.wakeup import OUTBOX, PAYMENTS, SUBSCRIPTIONS, TRIGGERS, UPDATES as STORED, Wakeup
from community.errors import SopError
from community.insight.entrance import Entrance
from community.members.clean import storable
from community.outbox.alerts import Alert, alert
from community.outbox.bundles import Bundles

queries = load(__file__)
log = logging.getLogger(__name__)

WORKERS = 8
USERS_AHEAD = 64
"""Users looked up at once: the look-up reads all waiting updates, so it is not done for each."""
GATHER_S = 0.01
"""Rest between two looks: under load the next one finds many."""
POLL_S = 1.0
"""Longest wait when a wake-up was lost."""
MOST_ATTEMPTS = 5
"""Attempts while the error is the database's own."""

Row = dict[str, Any]


class NotKept(Exception):
    """The update's content could not be stored."""


class Workers:
    """Handles stored updates until cancelled."""

    def __init__(
        self,
        pool: Pool,
        bundles: Bundles,
        wakeup: Wakeup,
        direct: Direct,
        *,
        bot_id: int,
        staff_chat: int | None,
        secret: str,
        entrance: Entrance | None = None,
    ) -> None:
        self._pool = pool
        self._bundles = bundles
        self._wakeup = wakeup
        self._direct = direct
        self._bot_id = bot_id
        self._staff_chat = staff_chat
        self._secret, self._entrance = secret, entrance
        self.wishes = Wishes(pool, bundles, wakeup, direct, bot_id, self._turn)
        self._users: asyncio.Queue[tuple[int, int]] = asyncio.Queue()
        self._busy: set[int] = set()
        self._afterwards: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Look for users with waiting updates, and hand each to a worker."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work())
            group.create_task(self._look())

    async def drain(self) -> None:
        """Handle everything that waits now, then return; for tests and simulations."""
        while users := await self._waiting_users():
            for waiting in users:
                await self._handle_user(*waiting)
        await asyncio.gather(*self._afterwards)

    async def _look(self) -> None:
        while True:
            try:
                users = await self._waiting_users() if len(self._busy) < USERS_AHEAD else []
            except DatabaseTrouble as error:
                log.warning("updates: %s; trying again", type(error).__name__)
                users = []
            for waiting in users:
                self._busy.add(waiting[0])
                self._users.put_nowait(waiting)
            await asyncio.sleep(GATHER_S)
            await self._wakeup.wait(STORED, POLL_S)

    async def _waiting_users(self) -> list[tuple[int, int]]:
        """Users with waiting updates whom no worker here is at, and how many they have."""
        values = {"bot_id": self._bot_id, "busy": list(self._busy), "limit": USERS_AHEAD}
        async with self._pool.connection() as conn:
            rows = await (await conn.execute(queries.waiting_users, values)).fetchall()
        return [(row["user_key"], row["updates"]) for row in rows]

    async def _work(self) -> None:
        while True:
            user_key, updates = await self._users.get()
            try:
                await self._handle_user(user_key, updates)
            except (DatabaseTrouble, SopError) as error:
                log.warning("updates: %s; they stay stored, trying again", error)
                await asyncio.sleep(POLL_S)
            finally:
                self._busy.discard(user_key)
                if self._users.empty():
                    self._wakeup.event(STORED).set()

    async def _handle_user(self, user_key: int, updates: int) -> None:
        """Handle as many updates of the user as were seen to wait, in order; later ones are seen at the next look."""
        async with self._pool.connection() as conn:
            bundle = await self._bundles.current(conn)
            for _ in range(updates):
                if not await self._handle_next(conn, bundle, user_key):
                    return

    async def _handle_next(self, conn: Connection, bundle: Bundle, user_key: int) -> bool:
        """Handle the user's oldest update; False if there is none, or another process is at it."""
        row: Row | None = None
        try:
            async with conn.transaction():
                claim = await conn.execute(queries.claim, {"bot_id": self._bot_id, "user_key": user_key})
                row = await claim.fetchone()
                if row is None:
                    return False
                turn = await self._handle(conn, bundle, row)
        except Exception as error:
            if row is None or conn.broken or is_in_trouble(error):
                raise
            return await self._failed(conn, row, error)
        UPDATES.labels(row["kind"], UNKNOWN if row["kind"] == UNKNOWN else "handled").inc()
        self._after(turn)
        return True

    async def _handle(self, conn: Connection, bundle: Bundle, row: Row) -> Turn:
        if not row["payload"]:
            raise NotKept(row["error"])
        update = read(row["payload"])
        now = present(row["virtual_now_at"])
        at = min(moment_of(update) or now, now)  # Telegram's clock may be ahead of ours: nobody waits for that
        turn = self._turn(conn, bundle, f"update:{row['update_id']}", at)
        await dispatch(turn, update)
        await turn.finish()
        await conn.execute(queries.handled, {"bot_id": self._bot_id, "update_id": row["update_id"]})
        return turn

    async def _failed(self, conn: Connection, row: Row, error: Exception) -> bool:
        """Mark the update and alert staff. False: it stays, to be tried again."""
        trouble = type(error).__name__
        _log(row, error)
        async with conn.transaction():
            values = {"bot_id": self._bot_id, "update_id": row["update_id"], "most": MOST_ATTEMPTS}
            text = storable(f"{trouble}: {error}")[:500]
            values |= {"error": text, "may_pass": isinstance(error, OperationalError)}
            marked = await (await conn.execute(queries.attempted, values)).fetchone()
            if marked is None or marked["state"] == "pending":
                return False
            about = Alert(
                f"update:{trouble}:{row['kind']}",
                f"An update of kind {row['kind']} could not be handled ({trouble})",
                f"update {row['update_id']}, kept in table updates with its error",
                "Mend the cause. Later updates go on.",
            )
            await alert(conn, about, await sop_now(conn))
        UPDATES.labels(row["kind"], "failed").inc()
        return True

    def _turn(self, conn: Connection, bundle: Bundle, cause: str, at: datetime) -> Turn:
        return Turn(conn, bundle, self._bot_id, self._staff_chat, cause, at, self._secret, self._entrance)

    def _after(self, turn: Turn) -> None:
        """What follows the commit: wake the senders, and make the direct calls beside the next update."""
        self._wakeup.ring(OUTBOX)
        self._wakeup.ring(TRIGGERS)
        if turn.paid:
            self._wakeup.ring(PAYMENTS)
        if turn.subscription:
            self._wakeup.ring(SUBSCRIPTIONS)
        if turn.toast:
            self._beside(self._direct.toast(turn.toast))
        if turn.doors:
            self._beside(self._direct.open_doors())
        if turn.wishes:
            self._beside(self.wishes.grant(turn.cause))

    def _beside(self, call: Any) -> None:
        task = asyncio.create_task(call)
        self._afterwards.add(task)
        task.add_done_callback(self._afterwards.discard)


def _log(row: Row, error: Exception) -> None:
    """Where it failed, without the error's text, which may hold a member's words; that is kept beside the update."""
    trace = "".join(traceback.format_tb(error.__traceback__))
    log.error("update %s (%s): %s\n%s", row["update_id"], row["kind"], type(error).__name__, trace)
