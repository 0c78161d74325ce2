"""The run of member_care: members are written to, staff get their tasks; a preview does neither."""

from datetime import timedelta

from prefect.client.orchestration import PrefectClient

from community.bundle import Bundle
from community.database.installation import set_virtual_now
from community.database.pool import Connection
from flows.member_care import member_care
from tasks.conduct import What
from tests.flows.conftest import STAFF, newcomers, run_of
from tests.integration.care_kit import at, tasks, terms_in_a_row

START = at("2026-01-10 15:00")
REVIEWED = at("2026-07-09 11:30")


async def test_members_are_written_to_and_staff_get_their_tasks_once(
    client: PrefectClient, bundle: Bundle, conn: Connection
) -> None:
    [number] = await newcomers(conn, 1)
    await terms_in_a_row(conn, number, START, 12)
    await set_virtual_now(conn, REVIEWED)
    await member_care(what=What.preview, as_of=REVIEWED)
    assert await tasks(conn) == []

    run = await run_of(client, await member_care(as_of=REVIEWED, return_state=True))
    assert run.name == "member-care · 2026-07-09 11:30 · 0 sent · 1 on their way · 1 skipped"
    assert [(task["member_id"], task["kind"]) for task in await tasks(conn)] == [(number, "mid_year_review")]
    rows = await (await conn.execute("SELECT stage, step, chat_id FROM messages ORDER BY id")).fetchall()
    assert {row["step"] for row in rows} >= {"care_tasks", "mid_year_review"}
    assert [row["chat_id"] for row in rows if row["step"] == "care_tasks"] == [STAFF]

    await member_care(as_of=REVIEWED + timedelta(hours=1))
    again = await (await conn.execute("SELECT count(*) AS n FROM messages")).fetchone()
    assert again == {"n": len(rows)}
    assert len(await tasks(conn)) == 1
