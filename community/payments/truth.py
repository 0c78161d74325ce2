"""Whether access is what the ledger says: for tests, and for whoever reconciles. Reads only."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from community.database.pool import Connection
from community.database.queries import load
from community.payments.fold import Standing, fold
from community.payments.models import Payment
from community.payments.settle import notice_of, notices_of

queries, payment_queries = load(__file__, "truth.sql"), load(__file__)

BATCH = 1000
"""Payments whose events are looked at together."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """A payment by which a member holds more or less than the ledger says. `due` and `held`: terms that run on.

    `plan` None: the ledger knows of no sale. `line` None: the payment never gave anything.
    """

    member_id: int
    provider: str
    charge: str
    plan: str | None
    line: str | None
    due: int
    held: int


@dataclass(frozen=True, slots=True)
class Uneven:
    """A payment of which rows tell different things. `what`: which of them does not follow."""

    provider: str
    charge: str
    what: str


Named = tuple[str, str]
"""A payment, by its provider and the provider's number."""


async def differences(conn: Connection, member_id: int | None = None, payment: Named | None = None) -> list[Difference]:
    """Where terms are not what the ledger says was bought and is kept; of one member, one payment, or all. Empty: all
    is as it was paid for. Terms that staff corrected by hand show here too.
    """
    found = await (await conn.execute(queries.providers)).fetchall()
    values = {"member_id": member_id, "providers": [row["provider"] for row in found], **_columns(payment)}
    rows = await (await conn.execute(queries.differences, values)).fetchall()
    return [Difference(**row) for row in rows]


async def uneven(conn: Connection, payment: Named | None = None) -> list[Uneven]:
    """Payments whose ledger, or whose events, say something else than their row: settling these again mends it.

    Of all, or one.
    """
    rows = await (await conn.execute(queries.uneven, _columns(payment))).fetchall()
    found = [Uneven(row["provider"], row["charge"], "ledger") for row in rows]
    if payment is None:
        return [*found, *await _behind(conn)]
    row = await (await conn.execute(payment_queries.payment, _columns(payment))).fetchone()
    behind = await _is_behind(conn, *payment, Payment(**row) if row else None)
    return [*found, *([Uneven(*payment, "events")] if behind else [])]


def _columns(payment: Named | None) -> dict[str, str | None]:
    provider, charge = payment or (None, None)
    return {"provider": provider, "charge": charge}


async def _behind(conn: Connection) -> list[Uneven]:
    """Payments whose events add up to something else, as some of these were not taken into account."""
    found: list[Uneven] = []
    async for notices in batches(conn):
        payments = await _payments(conn, list(notices))
        suspect = [
            key
            for key, rows in notices.items()
            if (standing := fold(map(notice_of, rows))) and not _is(payments.get(key), standing)
        ]
        found += [Uneven(*key, "events") for key in suspect if await _is_behind(conn, *key, payments.get(key))]
    return found


async def batches(conn: Connection) -> AsyncIterator[dict[Named, list[Row]]]:
    """What was said of each payment, of so many payments at a time: however many there are, it takes no more memory."""
    last: Named = ("", "")
    while True:
        values = {**_columns(last), "limit": BATCH}
        rows = await (await conn.execute(queries.notices, values)).fetchall()
        if not rows:
            return
        notices: dict[Named, list[Row]] = {}
        for row in rows:
            last = (row["provider"], row["charge"])
            notices.setdefault(last, []).append(row)
        yield notices


async def _payments(conn: Connection, keys: Sequence[Named]) -> dict[Named, Payment]:
    columns = {"provider": [provider for provider, _ in keys], "charge": [charge for _, charge in keys]}
    rows = await (await conn.execute(queries.payments, columns)).fetchall()
    return {(row["provider"], row["charge"]): Payment(**row) for row in rows}


async def _is_behind(conn: Connection, provider: str, charge: str, payment: Payment | None) -> bool:
    """Whether what settling would go by says something else: that, too, counts events which name it otherwise.

    What was never settled and never paid is of a payment that goes by another number.
    """
    standing = fold(await notices_of(conn, provider, charge))
    if standing is None or (payment is None and standing.paid is None):
        return False
    return not _is(payment, standing)


def _is(payment: Payment | None, standing: Standing) -> bool:
    minor = standing.paid.minor if standing.paid else None
    return payment is not None and (payment.paid_minor, payment.refunded_minor, payment.disputed) == (
        minor,
        standing.refunded_minor,
        standing.disputed,
    )
