"""The counting flow: counts until nothing is late, says so, and changes nothing when run again."""

from datetime import UTC, datetime, timedelta
from unittest.mock import AsyncMock

import pytest
from prefect.client.orchestration import PrefectClient

from community.activity.record import Activity, record
from community.bundle import Bundle
from community.database.pool import Connection
from community.insight.counting import MOST_LATE, OPEN, count_open
from community.insight.windows import day_of
from flows.kpi_count import kpi_count
from tasks import insight
from tests.flows.conftest import artifacts, newcomers, run_of, task_runs

DAY = timedelta(days=1)


async def test_counts_until_nothing_is_late(
    client: PrefectClient, bundle: Bundle, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    (member,) = await newcomers(conn, 1)
    now = datetime.now(UTC)
    zone = bundle.playbook.community.zone
    is_open = 2 if day_of(now - OPEN, zone) < day_of(now, zone) else 1
    await record(conn, [Activity("message", now - n * DAY, member, 1) for n in (0, 22)])

    monkeypatch.setattr(insight, "BOX_S", 0.0)
    run = await run_of(client, await kpi_count(return_state=True))
    assert f" · {is_open + 1} days counted" in run.name
    assert "late days left" in run.name
    assert "Still to be counted: " in str((await artifacts(client, run))["kpi-count"].data)

    monkeypatch.setattr(insight, "BOX_S", 600.0)
    run = await run_of(client, await kpi_count(return_state=True))
    assert "left" not in run.name
    days = await (await conn.execute("SELECT since FROM kpi_values WHERE kpi = 'active' AND span = 'day'")).fetchall()
    assert len({row["since"] for row in days}) == 2

    opened = AsyncMock(wraps=count_open)
    monkeypatch.setattr(insight, "count_open", opened)
    await record(conn, [Activity("message", now - n * DAY, member, 1) for n in range(10, 10 + MOST_LATE + 1)])
    run = await run_of(client, await kpi_count(return_state=True))
    assert f"{MOST_LATE + 1} late days counted anew" in run.name
    assert opened.await_count == 1, "open days once, however many are late"

    run = await run_of(client, await kpi_count(return_state=True))
    assert run.name.endswith((" · 1 day counted", " · 2 days counted")[is_open - 1]), "nothing was late"
    assert len(await task_runs(client, run, "count days")) >= 1

    await record(conn, [Activity("message", now - 20 * DAY, member, 1)])
    run = await run_of(client, await kpi_count(return_state=True))
    assert "1 late day counted anew" in run.name
    assert "entered afterwards" in str((await artifacts(client, run))["kpi-count"].data)
