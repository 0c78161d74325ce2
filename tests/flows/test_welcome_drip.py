"""What operators see of the welcome drip: run name, state, artifacts, and few task runs whatever the audience."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect.client.orchestration import PrefectClient

from community.bundle import Bundle
from community.database.installation import beat
from community.database.pool import Connection
from community.outbox.bundles import publish
from flows.welcome_drip import welcome_drip
from tests.flows.conftest import artifacts, newcomers, run_of, task_runs

MORNING = datetime(2026, 3, 4, 2, 30, tzinfo=UTC)
"""10:30 in Asia/Shanghai."""
REPORT = "report on welcome_drip"


async def test_run_says_who_got_what_and_why_not(client: PrefectClient, bundle: Bundle, conn: Connection) -> None:
    await newcomers(conn, 3)
    blocked = await newcomers(conn, 2, dm="blocked")

    run = await run_of(client, await welcome_drip(return_state=True))

    assert run.state_name == "Completed"
    assert run.name.startswith("welcome-drip · 20")
    assert run.name.endswith(" · 0 sent · 3 on their way · 2 skipped")
    assert run.state is not None
    assert run.state.message == "0 sent, 3 on their way, 2 skipped"
    shown = await artifacts(client, run)
    report = str(shown["welcome-drip-report"].data)
    assert "| 3 | welcome | waiting |" in report
    assert f"| 2 | has blocked the bot | {blocked[0]}, {blocked[1]} | " in report
    assert "`sop explain welcome_drip --why-not welcome --reason blocked`" in report
    assert "In force: at most 2 promotional messages in 24 h and 10 in 7 days; quiet from 22:00 to 08:30" in report
    assert "always-on service is not running" in report
    assert "sop explain MEMBER welcome_drip" in report
    assert "outcome" in str(shown["welcome-drip-reasons"].data)


async def test_report_names_no_member(client: PrefectClient, bundle: Bundle, conn: Connection) -> None:
    members = await newcomers(conn, 2)
    await conn.execute("UPDATE members SET first_name = 'Rosalind', username = 'rosalind'")

    run = await run_of(client, await welcome_drip(members=members, return_state=True))

    written = " ".join(str(artifact.data) for artifact in (await artifacts(client, run)).values())
    assert "osalind" not in written
    assert f"2 members: {members[0]}, {members[1]}" in written


async def test_task_runs_do_not_grow_with_the_audience(client: PrefectClient, bundle: Bundle, conn: Connection) -> None:
    await newcomers(conn, 10)
    few = await task_runs(client, await run_of(client, await welcome_drip(return_state=True)), REPORT)
    await newcomers(conn, 2_000)
    many = await task_runs(client, await run_of(client, await welcome_drip(return_state=True)), REPORT)

    assert len(few) == len(many) <= 25
    assert sorted(run.name for run in many) == [
        "follow delivery of welcome_drip",
        "plan welcome_drip",
        REPORT,
    ]


async def test_running_twice_plans_nothing_twice(client: PrefectClient, bundle: Bundle, conn: Connection) -> None:
    await newcomers(conn, 4)
    await welcome_drip()
    run = await run_of(client, await welcome_drip(return_state=True))

    assert run.name.endswith(" · 0 sent")
    rows = await (await conn.execute("SELECT count(*) AS messages FROM messages")).fetchone()
    assert rows == {"messages": 4}


async def test_follows_messages_until_they_are_sent(client: PrefectClient, bundle: Bundle, conn: Connection) -> None:
    await newcomers(conn, 3)
    await beat(conn, "test", "service")
    await conn.execute(
        "CREATE FUNCTION deliver() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN UPDATE messages SET state = 'sent', sent_at = due_at WHERE state = 'waiting'; RETURN NULL; END $$"
    )
    await conn.execute("CREATE TRIGGER deliver AFTER UPDATE OF counts ON plans EXECUTE FUNCTION deliver()")
    try:
        run = await run_of(client, await welcome_drip(return_state=True))
    finally:  # the database is emptied for the next test, and would keep it
        await conn.execute("DROP FUNCTION deliver() CASCADE")

    assert run.name.endswith(" · 3 sent")
    report = str((await artifacts(client, run))["welcome-drip-report"].data)
    assert "| welcome | 100 % | 3 | 3 | 0 | 0 | 0 | 0 | 0 |" in report


async def test_plans_for_the_given_moment(client: PrefectClient, bundle: Bundle, conn: Connection) -> None:
    await newcomers(conn, 1, days_ago=(datetime.now(UTC) - MORNING) / timedelta(days=1) + 1)

    run = await run_of(client, await welcome_drip(as_of=MORNING, return_state=True))

    assert run.name.startswith("welcome-drip · 2026-03-04 10:30 · ")
    decided = await (await conn.execute("SELECT step, reason FROM decisions ORDER BY step")).fetchall()
    assert [(row["step"], row["reason"]) for row in decided] == [("day_1", "stale"), ("welcome", "stale")]


async def test_switched_off_in_the_playbook(client: PrefectClient, bundle: Bundle, conn: Connection) -> None:
    await newcomers(conn, 3)
    source: dict[str, Any] = deepcopy(dict(bundle.source))
    source["stages"]["welcome_drip"]["enabled"] = False
    await publish(conn, Bundle(source, bundle.copy), "off")

    run = await run_of(client, await welcome_drip(return_state=True))

    assert run.name.endswith(" · switched off in the playbook")
    assert run.state_name == "Completed"
    assert await (await conn.execute("SELECT FROM messages")).fetchall() == []


async def test_who_joined_is_told_as_one_event(
    client: PrefectClient, bundle: Bundle, conn: Connection, told: list[Any]
) -> None:
    await welcome_drip(members=await newcomers(conn, 3))
    await welcome_drip()
    assert [event[:3] for event in told] == [("sop.joined", "sop.stage.welcome_drip", {"count": 3})]
