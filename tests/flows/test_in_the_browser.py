"""What an operator sees of a run in the Prefect UI, in a real browser."""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect
from prefect.client.orchestration import PrefectClient
from prefect.settings import get_current_settings

from community.bundle import Bundle
from community.database.pool import Connection
from community.outbox.bundles import publish
from flows.welcome_drip import welcome_drip
from tests.flows.conftest import begin, carry_on, newcomers, run_of
from tests.flows.test_live_conversion import add_live, match, selling

__all__ = ["selling"]

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no `chromium` on PATH (apt-get install chromium)")


@pytest.fixture(scope="module")
async def ui(prefect_server: None) -> AsyncIterator[str]:
    """Address of the UI: the tests' own server has none, so another shows the same database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    database = get_current_settings().server.database.connection_url
    assert database is not None
    environment = os.environ | {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": database.get_secret_value(),
        "PREFECT_SERVER_UI_API_URL": f"{address}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    command = [
        "-m",
        "deployments.prefect_server",
        "prefect",
        "server",
        "start",
        "--no-services",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    server = await asyncio.create_subprocess_exec(
        sys.executable, *command, env=environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    await _answers(f"{address}/api/health")
    yield address
    server.terminate()
    await server.wait()


async def _answers(url: str) -> None:
    async with httpx.AsyncClient() as http, asyncio.timeout(90):
        while True:
            try:
                (await http.get(url)).raise_for_status()
                return
            except httpx.HTTPError:
                await asyncio.sleep(0.2)


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page with nothing remembered of another test."""
    page = await browser.new_page(viewport={"width": 1280, "height": 900})
    yield page
    await page.close()


async def test_a_run_tells_who_got_what_and_why_not(
    client: PrefectClient, ui: str, page: Page, bundle: Bundle, conn: Connection
) -> None:
    await newcomers(conn, 3)
    await newcomers(conn, 2, dm="blocked")
    run = await run_of(client, await welcome_drip(return_state=True))

    await page.goto(f"{ui}/runs/flow-run/{run.id}")
    await expect(page.get_by_text(run.name).first).to_be_visible(timeout=30_000)
    await page.get_by_text("Task Runs", exact=True).first.click()
    for name in ("plan welcome_drip", "follow delivery of welcome_drip", "report on welcome_drip"):
        await expect(page.get_by_text(name).first).to_be_visible()
    await page.get_by_text("Artifacts", exact=True).first.click()
    await page.get_by_text("welcome-drip-report").first.click()
    await expect(page.get_by_text("Who does not, and why")).to_be_visible()
    await expect(page.get_by_text("has blocked the bot").first).to_be_visible()


async def test_a_large_send_is_approved_by_the_form_under_resume(
    client: PrefectClient, deployed: None, ui: str, page: Page, bundle: Bundle, conn: Connection
) -> None:
    await publish(conn, Bundle({**bundle.source, "approval": {"above": 2}}, bundle.copy), "strict")
    await newcomers(conn, 3)
    run = await begin(client)

    await page.goto(f"{ui}/runs/flow-run/{run.id}")
    await expect(page.get_by_text("3 messages wait for approval").first).to_be_visible(timeout=30_000)
    await page.get_by_role("button", name="Resume").first.click()
    form = page.get_by_role("dialog")
    for words in ("What shall happen?", "Your name", "Note (Optional)", "Without an answer by"):
        await expect(form.get_by_text(words)).to_be_visible()
    await form.locator(".p-select-button__control").press("ArrowDown")
    await page.get_by_role("listbox").get_by_text("send to all", exact=True).click()
    await form.locator("textarea").nth(0).fill("Ada")
    await form.get_by_role("button", name="Submit").click()
    await expect(form).not_to_be_visible()
    assert (await client.read_flow_run(run.id)).state_name == "Resuming"
    assert (await carry_on(client, run.id)).name.endswith(" · 3 on their way · approved by Ada")


async def test_the_rungs_of_a_live_session_are_seen_ahead(
    client: PrefectClient, ui: str, page: Page, conn: Connection, selling: Bundle
) -> None:
    await add_live(conn, selling)
    await match(conn, selling)
    held = await client.read_deployment_by_name("live-conversion/live-conversion")

    await page.goto(f"{ui}/deployments/deployment/{held.id}?tab=Upcoming")
    for rung in ("announce", "live_now", "last_call", "result"):
        await expect(page.get_by_text(f"· {rung} · Freight").first).to_be_visible(timeout=30_000)
