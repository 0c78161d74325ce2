"""Ways into the chats that plans open, as Telegram makes them: ahead, so that who pays has theirs in the receipt.

A link that somebody waits for goes before all that are made ahead. Those that were taken back are closed at Telegram.
"""

import logging
import time
from typing import Any

from psycopg import Error as DatabaseTrouble
from psycopg_pool import PoolTimeout

from community.access.doors import namesakes
from community.access.entry_links import chats_of, closed, fill, to_close, to_make
from community.access.models import EntryLink
from community.bot.direct import Direct
from community.bundle import Bundle
from community.database.installation import sop_now
from community.database.pool import Connection, Pool
from community.database.queries import load
from community.database.wakeup import ENTRIES, OUTBOX, Wakeup
from community.errors import SopError
from community.outbox.alerts import Alert, alert
from community.outbox.bundles import Bundles
from community.payments.entry import made

queries = load(__file__, "entry_links.sql")
log = logging.getLogger(__name__)

POLL_S = 1.0
"""Longest wait when a wake-up was lost."""
BETWEEN_S = 0.2
"""Rest between links that nobody waits for: a supply of them takes no more than a sixth of the bot's calls."""
SUPPLY_S = 5.0
"""Between two looks at how many are ready."""
CLOSED_AT_ONCE = 10
LOOKED_AT = 100
RESTS_S = (5.0, 15.0, 60.0)
"""How long a chat rests whose link Telegram did not make: the first time, the second, from then on."""


class EntryLinks:
    """Makes and closes links until cancelled; in one process at a time, as two would make the same ones."""

    def __init__(self, pool: Pool, bundles: Bundles, wakeup: Wakeup, direct: Direct, bot_id: int) -> None:
        self._pool, self._bundles, self._wakeup = pool, bundles, wakeup
        self._direct, self._bot_id = direct, bot_id
        self._failures: dict[int, tuple[int, float]] = {}
        """By group: how often in a row, and until when it rests (monotonic seconds)."""
        self._looked = -SUPPLY_S

    async def run(self) -> None:
        """Make what is missing, close what was taken back."""
        while True:
            try:
                again = await self.once()
            except (DatabaseTrouble, PoolTimeout, SopError) as error:
                log.warning("entry links: %s; trying again", type(error).__name__)
                again = False
            await self._wakeup.wait(ENTRIES, BETWEEN_S if again else POLL_S)

    async def once(self) -> bool:
        """All that somebody waits for, some that were taken back, and one ahead; whether there is more to do."""
        async with self._pool.connection() as conn:
            row = await (await conn.execute(queries.take_turn, {"bot_id": self._bot_id})).fetchone()
            if row is None or not row["taken"]:
                return False
            try:
                return await self._work(conn, await self._bundles.current(conn))
            finally:
                if not conn.broken:
                    await conn.execute(queries.end_turn, {"bot_id": self._bot_id})

    async def _work(self, conn: Connection, bundle: Bundle) -> bool:
        await self._supply(conn, bundle)
        link = await self._next(conn)
        while link is not None and link.given_at is not None:
            await self._make(conn, bundle, link)
            link = await self._next(conn)
        if link is not None:
            await self._make(conn, bundle, link)
        await self._close(conn)
        return link is not None

    async def _next(self, conn: Connection) -> EntryLink | None:
        return next(iter(await to_make(conn, 1, self._resting())), None)

    async def _supply(self, conn: Connection, bundle: Bundle) -> None:
        """Note how many are missing of each chat that some plan opens."""
        if time.monotonic() - self._looked < SUPPLY_S:
            return
        self._looked = time.monotonic()
        playbook = bundle.playbook
        chats = [chat for plan in playbook.plans for chat in await chats_of(conn, playbook, plan)]
        for group_id in {chat.group_id for chat in chats if chat.group_id is not None}:
            await fill(conn, group_id, playbook.access.links_ready)
        for other in await namesakes(conn, playbook):
            await self._tell_namesake(conn, other)

    async def _make(self, conn: Connection, bundle: Bundle, link: EntryLink) -> None:
        """Have Telegram make one; who waits for it is told. If it does not, the chat rests."""
        group = await (await conn.execute(queries.chat, {"group_id": link.group_id})).fetchone()
        address = await self._direct.make_entry_link(group["chat_id"], link.name) if group else None
        if address is None:
            self._rest(link.group_id)
            await self._alert(conn, link, group["title"] if group else "a chat that the bot has left")
            return
        self._failures.pop(link.group_id, None)
        if await made(conn, bundle, link.id, address, await sop_now(conn), bot_id=self._bot_id):
            self._wakeup.ring(OUTBOX)

    async def _close(self, conn: Connection) -> None:
        """Tell Telegram of links that were taken back. Nobody is let in by them meanwhile either."""
        resting = self._resting()
        found = [link for link in await to_close(conn, LOOKED_AT) if link.group_id not in resting]
        for link in found[:CLOSED_AT_ONCE]:
            group = await (await conn.execute(queries.chat, {"group_id": link.group_id})).fetchone()
            address = link.invite_link
            if not (group and address) or await self._direct.close_entry_link(group["chat_id"], address):
                await closed(conn, link.id, await sop_now(conn))
            else:
                self._rest(link.group_id)

    def _resting(self) -> list[int]:
        return [group_id for group_id, (_, until) in self._failures.items() if until > time.monotonic()]

    def _rest(self, group_id: int) -> None:
        times = self._failures.get(group_id, (0, 0.0))[0]
        self._failures[group_id] = times + 1, time.monotonic() + RESTS_S[min(times, len(RESTS_S) - 1)]

    @staticmethod
    async def _tell_namesake(conn: Connection, other: dict[str, Any]) -> None:
        about = Alert(
            f"namesake:{other['id']}",
            "A second group has the title by which a plan names its own; the first one stays the plan's",
            f"{other['title']}: number {other['stays']} stays, number {other['id']} opens to nobody by plans",
            "Put the number of the right one under `chats`, instead of the title.",
            lasting=True,
        )
        await alert(conn, about, await sop_now(conn))

    @staticmethod
    async def _alert(conn: Connection, link: EntryLink, title: str) -> None:
        """Staff are told when somebody waits."""
        if link.given_at is not None:
            about = Alert(
                f"entry-link:{link.group_id}",
                "Who has paid waits for a way in, and Telegram makes no link",
                title,
                "Let the bot invite people there, as an administrator; the link is then made by itself.",
                lasting=True,
            )
            await alert(conn, about, await sop_now(conn))
