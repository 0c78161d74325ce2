"""Payers by recency, frequency and money (RFM): scores from 1 to 5, and segments that steps may be for."""

from datetime import datetime

from community.database.pool import Connection, transaction
from community.database.queries import load
from community.insight.windows import day_of

queries = load(__file__, "rfm.sql")


async def score_payers(conn: Connection, zone: str, at: datetime) -> int:
    """Score all payers anew, as of that moment; returns how many. Who has had all their money back is none any more."""
    payers = queries.fill("payers", paid=queries.paid)
    text = queries.fill("keep", segment=queries.segment, scored=queries.fill("scored", payers=payers))
    async with transaction(conn):
        await conn.execute(queries.forget)
        return (await conn.execute(text, {"at": at, "zone": zone, "day": day_of(at, zone)})).rowcount
