"""`sop doctor` against a real Prefect server: as declared, and not."""

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.settings import get_current_settings

from community.bundle import Bundle
from community.database.pool import Connection
from community.settings import load_settings
from deployments.bot_api import bot_api
from deployments.doctor import Finding, Patient, prefect


@pytest.fixture
async def look(
    conn: Connection, bundle: Bundle, client: PrefectClient, deployed: None, monkeypatch: pytest.MonkeyPatch
) -> Patient:
    monkeypatch.setenv("PREFECT_API_URL", str(get_current_settings().api.url))
    settings = load_settings()
    async with bot_api(settings.telegram_api, settings.token) as api:
        return Patient(settings, conn, api)


async def findings(patient: Patient) -> list[Finding]:
    return [finding async for finding in prefect(patient)]


async def test_as_declared(look: Patient) -> None:
    [only] = await findings(look)
    assert not only.problem
    assert "as declared" in only.said


async def test_a_missing_deployment_is_named_with_its_remedy(
    look: Patient, client: PrefectClient, put_right: None
) -> None:
    held = await client.read_deployment_by_name("delivery/delivery")
    await client.delete_deployment(held.id)
    found = await findings(look)
    assert all(finding.problem for finding in found)
    assert "deployment delivery: missing" in {finding.said for finding in found}
    assert {finding.remedy for finding in found} == {"python -m deployments.bootstrap"}
