"""The run of renewal_reminders: a rung is in the queue a day ahead, and over when the member renews."""

from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import PrefectClient

from community.access.grant import grant
from community.access.terms import set_end
from community.bundle import Bundle
from community.database.installation import set_virtual_now
from community.database.pool import Connection
from community.outbox.claim import claim
from community.settings import load_settings
from flows.renewal_reminders import renewal_reminders
from tests.flows.conftest import artifacts, newcomers, run_of

MORNING = datetime(2026, 3, 4, 2, 30, tzinfo=UTC)
"""10:30 in Asia/Shanghai."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STAFF = {"source": "staff", "by": "ann"}


async def ending(conn: Connection, bundle: Bundle, member_id: int, ends_at: datetime, plan: str = "month") -> int:
    """A term that ends then; returns its number."""
    held = await grant(conn, bundle.playbook, member_id, plan, MORNING - 20 * DAY, **STAFF)
    await set_end(conn, held.id, ends_at, MORNING - 19 * DAY, by="ann", note="")
    return held.id


async def messages(conn: Connection) -> list[tuple[int, str, str]]:
    rows = await (await conn.execute("SELECT member_id, step, state FROM messages ORDER BY member_id, step")).fetchall()
    return [(row["member_id"], row["step"], row["state"]) for row in rows]


async def test_who_is_near_the_end_is_reminded_and_the_run_says_how_many(
    client: PrefectClient, bundle: Bundle, conn: Connection
) -> None:
    [week, tomorrow, far, renewed] = await newcomers(conn, 4)
    await ending(conn, bundle, week, MORNING + 7 * DAY)
    await ending(conn, bundle, tomorrow, MORNING + 8 * DAY)
    await ending(conn, bundle, far, MORNING + 9 * DAY)
    await ending(conn, bundle, renewed, MORNING + 7 * DAY)
    await grant(conn, bundle.playbook, renewed, "year", MORNING - DAY, source="stripe", by="x")
    await set_virtual_now(conn, MORNING)

    run = await run_of(client, await renewal_reminders(as_of=MORNING, return_state=True))
    assert run.state is not None
    assert (run.state_name, run.state.message) == ("Completed", "0 sent, 1 on their way, 1 deferred")
    assert run.name == "renewal-reminders · 2026-03-04 10:30 · 0 sent · 1 on their way · 1 deferred"
    assert await messages(conn) == [(week, "month_7", "waiting"), (tomorrow, "month_7", "waiting")]
    report = str((await artifacts(client, run))["renewal-reminders-report"].data)
    assert "month_7" in report


async def test_who_renews_while_it_waits_is_reminded_no_more(
    client: PrefectClient, bundle: Bundle, conn: Connection
) -> None:
    [who] = await newcomers(conn, 1)
    await ending(conn, bundle, who, MORNING + 7 * DAY)
    await set_virtual_now(conn, MORNING)
    await renewal_reminders(as_of=MORNING)
    await grant(conn, bundle.playbook, who, "month", MORNING + HOUR, source="stripe", by="x")
    await claim(conn, load_settings().bot_id, bundle.playbook, MORNING + HOUR, "test", 32)
    assert await messages(conn) == [(who, "month_7", "cancelled")]
    run = await run_of(client, await renewal_reminders(as_of=MORNING + HOUR, return_state=True))
    assert run.name.endswith(" · 0 sent")
