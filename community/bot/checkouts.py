"""Telegram asks before it takes a member's Stars, and waits ten seconds for the answer.

So these questions do not queue behind anything: they are stored as all updates are, but under a key of their own, are
looked for on a wake-up of their own, and are answered by a direct call. One that came too late is not answered: nothing
was paid, and the member may press the button again.
"""

import asyncio
import logging
from typing import Any, NamedTuple

from psycopg import Error as DatabaseTrouble
from telegram import PreCheckoutQuery

from community.bot.counters import CHECKOUTS as COUNTED, UPDATES
from community.bot.direct import Direct
from community.bot.inbox import CHECKOUT
from community.bundle import Bundle
from community.database.installation import sop_now
from community.database.pool import Connection, Pool
from community.database.queries import load
from community.database.wakeup import CHECKOUTS, Wakeup
from community.members.people import guess_locale
from community.outbox.alerts import Alert, alert
from community.outbox.bundles import Bundles
from community.outbox.render import Renderer
from community.payments.checkout import Refusal, refusal_of
from community.playbook_types import Amount
from community.telegram_html import plain_text

queries = load(__file__, "checkouts.sql")
log = logging.getLogger(__name__)

AT_ONCE = 20
POLL_S = 1.0
"""Longest wait when a wake-up was lost."""
TROUBLE = "trouble"
"""Stands for a question that we could not judge."""
MOST_CHARACTERS = 200


class Answer(NamedTuple):
    """What Telegram is told; without an error the payment goes on."""

    query_id: str
    error: str | None


class Checkouts:
    """Answers questions before payments, until cancelled."""

    def __init__(self, pool: Pool, bundles: Bundles, wakeup: Wakeup, direct: Direct, bot_id: int) -> None:
        self._pool, self._bundles, self._wakeup = pool, bundles, wakeup
        self._direct, self._bot_id = direct, bot_id

    async def run(self) -> None:
        """Answer as soon as there is something to answer."""
        while True:
            try:
                while await self.answer():
                    pass
            except DatabaseTrouble as error:
                log.warning("checkouts: %s; trying again", type(error).__name__)
            await self._wakeup.wait(CHECKOUTS, POLL_S)

    async def answer(self) -> int:
        """Judge what waits and answer it; returns how many there were."""
        async with self._pool.connection() as conn:
            bundle = await self._bundles.current(conn)
            async with conn.transaction():
                found = await conn.execute(queries.take_checkouts, {"bot_id": self._bot_id, "limit": AT_ONCE})
                rows = await found.fetchall()
                answers = [answer for row in rows if (answer := await self._judge(conn, bundle, row))]
        await asyncio.gather(*(self._direct.answer_checkout(*answer) for answer in answers))
        return len(rows)

    async def _judge(self, conn: Connection, bundle: Bundle, row: dict[str, Any]) -> Answer | None:
        """The answer; None for what came too late, or is no question at all."""
        if row["late"]:
            _count("late")
            return None
        try:
            query = PreCheckoutQuery.de_json(row["payload"]["pre_checkout_query"], None)
            async with conn.transaction():
                refusal: str | None = await _refusal_of(conn, bundle, query)
        except Exception as error:
            await self._failed(conn, row, error)
            return self._of_trouble(bundle, row)
        _count(refusal or "agreed")
        locale = row["locale"] or guess_locale(query.from_user.language_code)
        return Answer(query.id, _words(bundle, refusal, locale) if refusal else None)

    async def _failed(self, conn: Connection, row: dict[str, Any], error: Exception) -> None:
        """Mark the question failed and tell staff; its text may hold a member's words, so the log has its class."""
        trouble = type(error).__name__
        log.error("checkout of update %s: %s", row["update_id"], trouble)
        values = {"bot_id": self._bot_id, "update_id": row["update_id"], "error": trouble}
        await conn.execute(queries.checkout_failed, values)
        about = Alert(
            f"checkout:{trouble}",
            f"A member's payment in Stars was refused, as their order could not be looked at ({trouble})",
            f"update {row['update_id']}, kept in table updates",
            "Mend the cause; nothing was paid, and the member may try again.",
        )
        await alert(conn, about, await sop_now(conn))

    def _of_trouble(self, bundle: Bundle, row: dict[str, Any]) -> Answer | None:
        _count(TROUBLE, "failed")
        query_id = row["query_id"]
        return Answer(query_id, _words(bundle, TROUBLE, row["locale"])) if query_id else None


async def _refusal_of(conn: Connection, bundle: Bundle, query: PreCheckoutQuery) -> Refusal | None:
    amount = Amount(minor=query.total_amount, currency=query.currency)
    at = await sop_now(conn)
    return await refusal_of(conn, bundle, query.invoice_payload, query.from_user.id, amount, at)


def _count(outcome: str, state: str = "handled") -> None:
    COUNTED.labels(outcome).inc()
    UPDATES.labels(CHECKOUT, state).inc()


def _words(bundle: Bundle, reason: str, locale: str | None) -> str:
    """What the member reads, in their language."""
    known = locale or bundle.playbook.community.locale
    rendered = Renderer(bundle).render("bot/checkout_refused", known, {"reason": reason})
    return plain_text(rendered.text)[:MOST_CHARACTERS]
