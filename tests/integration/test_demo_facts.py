"""What the demonstration finds out about reminders, before it judges them."""

from datetime import datetime, timedelta

from community.access.grant import grant
from community.access.terms import revoke
from community.bundle import Bundle
from community.database.pool import Connection
from deployments.demo.facts import queries
from tests.integration.conftest import NOON, MakeMember
from tests.integration.rows import put

DAY = timedelta(days=1)


async def reminded_in_vain(conn: Connection, member_id: int, occurrence: str, sent_at: datetime) -> int:
    """How many of the reminders of an end were in vain, after one more that left at `sent_at`."""
    await put(
        conn,
        member_id=member_id,
        due_at=sent_at,
        stage="renewal_reminders",
        step=f"sent at {sent_at}",
        occurrence=occurrence,
        state="sent",
        sent_at=sent_at,
    )
    return len(await (await conn.execute(queries.reminded_in_vain)).fetchall())


async def test_a_reminder_is_in_vain_between_a_renewal_and_its_refund_only(
    conn: Connection, shipped: Bundle, member: MakeMember
) -> None:
    who = await member()
    term = await grant(conn, shipped.playbook, who, "month", NOON - 26 * DAY, source="staff", by="ann")
    assert term.ends_at is not None
    end = f"{term.id}:{term.ends_at:%Y-%m-%d}"
    renewed = await grant(conn, shipped.playbook, who, "month", NOON - 10 * DAY, source="stripe", by="x")
    assert await reminded_in_vain(conn, who, end, NOON - 11 * DAY) == 0
    assert await reminded_in_vain(conn, who, end, NOON - 5 * DAY) == 1
    await revoke(conn, renewed.id, NOON - 2 * DAY, by="ann", note="refunded")
    assert await reminded_in_vain(conn, who, end, NOON) == 1
