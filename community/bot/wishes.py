"""Carries out what people wish of groups, after asking Telegram how they stand there."""

import logging
import traceback
from collections.abc import Callable
from datetime import datetime

from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from community.access.doors import doors
from community.bot.direct import Direct
from community.bot.setup import Standing, carry_out
from community.bot.turn import Turn
from community.bundle import Bundle
from community.database.installation import sop_now
from community.database.pool import Connection, Pool
from community.database.wakeup import OUTBOX, Wakeup
from community.groups.models import Group
from community.groups.setup import Wish, groups_for, take, waiting
from community.members.models import Member
from community.members.people import by_id
from community.outbox.alerts import Alert, alert
from community.outbox.bundles import Bundles

log = logging.getLogger(__name__)

MakeTurn = Callable[[Connection, Bundle, str, datetime], Turn]


class Wishes:
    """Asks about and carries out wishes; one that a crash interrupted is taken up at the next start."""

    def __init__(
        self, pool: Pool, bundles: Bundles, wakeup: Wakeup, direct: Direct, bot_id: int, turn: MakeTurn
    ) -> None:
        self._pool, self._bundles, self._wakeup = pool, bundles, wakeup
        self._direct, self._bot_id, self._turn = direct, bot_id, turn

    async def grant(self, cause: str | None = None) -> None:
        """Carry out the wishes of one update, or all that wait; while the database is away, they wait on."""
        try:
            async with self._pool.connection() as conn:
                wishes = await waiting(conn, cause)
            for each in wishes:
                await self._grant_or_drop(each)
        except (OperationalError, PoolTimeout) as error:
            log.warning("set-up: %s; tried again at the next start", str(error).splitlines()[0])

    async def _grant_or_drop(self, about: Wish) -> None:
        """One that fails for a reason of its own would fail again: it is dropped, staff are told, others go on."""
        try:
            await self._grant(about)
        except (OperationalError, PoolTimeout):
            raise
        except Exception as error:
            trouble = type(error).__name__
            where = "".join(traceback.format_tb(error.__traceback__))  # without its text: it may hold a member's words
            log.error("set-up: wish %s of group %s: %s\n%s", about.id, about.group_id, trouble, where)
            async with self._pool.connection() as conn, conn.transaction():
                await take(conn, about.id)
                await alert(conn, _failed(about, trouble), await sop_now(conn))

    async def _grant(self, about: Wish) -> None:
        async with self._pool.connection() as conn:
            member, groups = await by_id(conn, about.member_id), await groups_for(conn, about)
            opened = {door.group_id for door in await doors(conn, (await self._bundles.current(conn)).playbook)}
        if member is None:
            return
        found = [(group, await self._standing(member, group, opened=group.id in opened)) for group in groups]
        async with self._pool.connection() as conn, conn.transaction():
            if not await take(conn, about.id):
                return
            turn = self._turn(conn, await self._bundles.current(conn), about.cause, about.wished_at)
            await carry_out(turn, member, about, found)
            await turn.finish()
        self._wakeup.ring(OUTBOX)

    async def _standing(self, member: Member, group: Group, *, opened: bool) -> Standing:
        admin = await self._direct.administers(group.chat_id, member.telegram_id)
        missing = await self._direct.missing_rights(group.chat_id, self._bot_id, opened=opened) if admin else []
        return Standing(admin, missing)


def _failed(about: Wish, trouble: str) -> Alert:
    return Alert(
        f"setup:{trouble}:{about.part}",
        f"A wish about a group's {about.part} could not be carried out ({trouble})",
        f"group {about.group_id}, by member {about.member_id}; the service's log has the error",
        "Mend the cause; the member may press the button again.",
    )
