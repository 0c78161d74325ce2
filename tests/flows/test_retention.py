"""The retention flow: removes what the playbook no longer keeps, says so, and removes nothing when run again."""

from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import PrefectClient

from community.activity.record import Activity, record
from community.bot.inbox import store
from community.bundle import Bundle
from community.database.pool import Connection
from community.settings import load_settings
from flows.retention import retention
from tests.flows.conftest import artifacts, newcomers, run_of, task_runs


async def test_removes_what_is_old_and_says_what(client: PrefectClient, bundle: Bundle, conn: Connection) -> None:
    (member,) = await newcomers(conn, 1)
    old = datetime.now(UTC) - timedelta(days=38 * 31)
    await record(conn, [Activity("message", old, member), Activity("message", datetime.now(UTC), member)])
    for at in (old, datetime.now(UTC)):
        await conn.execute(
            "INSERT INTO member_days (day, member_id, group_id, message) VALUES (%s, %s, 1, 1)", [at, member]
        )
    await store(conn, load_settings().bot_id, [{"update_id": 1, "message": {"text": "private"}}])
    await conn.execute("UPDATE updates SET state = 'handled', handled_wall = clock_timestamp() - interval '31 days'")

    run = await run_of(client, await retention(return_state=True))

    assert run.name.endswith(f" · events of {old:%Y-%m} · 1 update · 1 day of members")
    report = str((await artifacts(client, run))["retention"].data)
    assert f"| events | {old:%Y-%m} | 36 months |" in report
    assert "| handled updates | 1 | 30d |" in report
    assert "| days of members | 1 | 36 months |" in report
    assert len(await task_runs(client, run, "report on what was removed")) == 5
    assert len(await (await conn.execute("SELECT FROM events")).fetchall()) == 1

    again = await run_of(client, await retention(return_state=True))
    assert again.name.endswith(" · nothing old enough")
