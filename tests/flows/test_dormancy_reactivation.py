"""The run of dormancy_reactivation: who has fallen silent is written to once, with a pass for who holds nothing."""

from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import PrefectClient

from community.access.grant import grant
from community.activity.record import Activity, record
from community.bundle import Bundle
from community.database.installation import set_virtual_now
from community.database.pool import Connection
from flows.dormancy_reactivation import dormancy_reactivation
from tasks.conduct import What
from tests.flows.conftest import artifacts, newcomers, run_of

MORNING = datetime(2026, 3, 4, 2, 30, tzinfo=UTC)
"""10:30 in Asia/Shanghai."""
DAY = timedelta(days=1)


async def silent(conn: Connection, number: int, *, days: int = 7, dm: str = "open") -> list[int]:
    """Members for long, whose last sign of life was a click so many days ago."""
    found = await newcomers(conn, number, dm=dm)
    await conn.execute("UPDATE members SET entered_at = %s WHERE id = ANY (%s)", [MORNING - 400 * DAY, found])
    await record(conn, [Activity(kind, MORNING - days * DAY, who) for who in found for kind in ("message", "click")])
    return found


async def test_who_fell_silent_is_written_to_and_the_run_says_how_many(
    client: PrefectClient, bundle: Bundle, conn: Connection
) -> None:
    free, [holder], [blocked] = await silent(conn, 2), await silent(conn, 1), await silent(conn, 1, dm="blocked")
    await silent(conn, 3, days=6)
    await grant(conn, bundle.playbook, holder, "month", MORNING - 9 * DAY, source="staff", by="ann")
    await set_virtual_now(conn, MORNING)
    seen = await run_of(client, await dormancy_reactivation(what=What.preview, as_of=MORNING, return_state=True))
    assert seen.name == "dormancy-reactivation · 2026-03-04 10:30 · preview · 3 would be sent · 1 would not"

    run = await run_of(client, await dormancy_reactivation(as_of=MORNING, return_state=True))
    assert run.state is not None
    assert (run.state_name, run.state.message) == ("Completed", "0 sent, 3 on their way, 1 skipped")
    assert run.name == "dormancy-reactivation · 2026-03-04 10:30 · 0 sent · 3 on their way · 1 skipped"
    rows = await (await conn.execute("SELECT member_id, step, context FROM messages ORDER BY member_id")).fetchall()
    assert [(row["member_id"], row["step"]) for row in rows] == [
        *((who, "silent") for who in free),
        (holder, "silent_holder"),
    ]
    coupons = await (await conn.execute("SELECT code, member_id, opens FROM coupons ORDER BY member_id")).fetchall()
    assert [(row["member_id"], row["opens"]) for row in coupons] == [(who, "vip_pass") for who in free]
    assert [row["context"].get("coupon") for row in rows] == [*(row["code"] for row in coupons), None]
    report = str((await artifacts(client, run))["dormancy-reactivation-report"].data)
    assert f"| 1 | has blocked the bot | {blocked} | " in report


async def test_a_later_run_adds_nothing_and_who_came_back_is_left_alone(
    client: PrefectClient, bundle: Bundle, conn: Connection
) -> None:
    await silent(conn, 1)
    await set_virtual_now(conn, MORNING)
    await dormancy_reactivation(as_of=MORNING)
    [back] = await silent(conn, 1)
    await record(conn, [Activity("private", MORNING, back)])
    run = await run_of(client, await dormancy_reactivation(as_of=MORNING + timedelta(hours=1), return_state=True))
    assert run.name.endswith(" · 0 sent")
    assert await (await conn.execute("SELECT count(*) AS n FROM messages")).fetchone() == {"n": 1}
