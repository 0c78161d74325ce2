"""Trouble reaches the staff chat in plain words, once an hour for the same trouble."""

import pytest
from prefect.client.orchestration import PrefectClient

from community.bundle import Bundle
from community.database.pool import Connection
from flows.staff_alert import staff_alert
from tests.flows.conftest import STAFF, artifacts, run_of

FAILED = {"flow": "welcome-drip", "run": "welcome-drip · under way", "run_id": "42", "state": "Failed"}


async def test_a_failed_run_is_told_in_words(client: PrefectClient, bundle: Bundle, conn: Connection) -> None:
    run = await run_of(client, await staff_alert(**FAILED, message="disk <full>", return_state=True))

    row = await (await conn.execute("SELECT chat_id, lane, template, context FROM messages")).fetchone()
    assert row is not None
    assert (row["chat_id"], row["lane"], row["template"]) == (STAFF, 25, "staff/alert")
    [told] = row["context"]["alerts"]
    assert told["what"] == "welcome-drip: a run failed"
    assert "disk <full>" in told["where"]
    assert run.name == "staff-alert · welcome-drip · failed · told"


async def test_the_same_trouble_is_told_once_an_hour(client: PrefectClient, bundle: Bundle, conn: Connection) -> None:
    await staff_alert(**FAILED)
    run = await run_of(client, await staff_alert(**FAILED, return_state=True))

    assert "counted for the next message" in run.name
    assert len(await (await conn.execute("SELECT FROM messages")).fetchall()) == 1
    assert await (await conn.execute("SELECT times FROM alerts")).fetchall() == [{"times": 1}]


async def test_without_a_staff_chat_it_stands_in_the_artifact(
    client: PrefectClient, bundle: Bundle, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOP_STAFF_CHAT")
    run = await run_of(client, await staff_alert(**{**FAILED, "state": "Crashed"}, return_state=True))

    alert = str((await artifacts(client, run))["staff-alert"].data)
    assert "its process is gone" in alert
    assert "Next: nothing is lost" in alert
    assert await (await conn.execute("SELECT FROM messages")).fetchall() == []
