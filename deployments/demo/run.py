"""Run the demonstration: fresh servers, four flow runs a virtual day, a summary, and checks from three sides."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from community.bundle import load_bundle
from community.database.pool import connect
from community.outbox.bundles import publish
from community.sandbox.client import SandboxClient
from community.settings import Mode, Settings, load_settings
from community.simulation.crowd import Crowd
from community.simulation.market import Market
from community.simulation.paying import Ime
from community.simulation.people import SLOTS_A_DAY, populate
from community.simulation.verdict import judge
from deployments.clockwork import Clockwork
from deployments.demo.calendar import OFFERED, Calendar
from deployments.demo.facts import gather
from deployments.demo.life import Life, real_flows
from deployments.demo.scene import GROUPS, OWNER, STAFF_CHAT, prepare, quiz
from deployments.demo.shop import payment_settings, selling, shelf
from deployments.demo.summary import summarise, verdict
from deployments.runs import send_rest
from deployments.stack import Stack

START = datetime(2026, 3, 2, 2, tzinfo=UTC)
"""A Monday, 10:00 in Shanghai. New York's clocks go forward the Sunday after, which puts the zones to the test."""


async def run_demo(*, exit: bool = False, days: int = 28, members: int = 300, seed: int = 7) -> int:
    """Bring a synthetic community to life for `days` virtual days, then stay up until Ctrl-C unless `exit`.

    Returns the exit code: 0 if every check passed. Begins with a fresh database each time. Raises SopError in one line
    when something that it needs is missing.
    """
    console, settings = Console(highlight=False), demo_settings()
    try:
        async with Stack(settings, log=lambda text: console.print(text, markup=False), fresh=True) as stack:
            _enter(stack.environment)
            passed = await _play(console, settings, days, members, seed)
            await send_rest()
            if not exit:
                console.print("\nStill up; time is real from here on. Ctrl-C stops it.")
                for name, url in (stack.addresses | {"Dashboard": _dashboard(settings, days)}).items():
                    console.print(f"{name:<17} {url}", markup=False, soft_wrap=True)
                await stack.wait()
    except asyncio.CancelledError:
        console.print("Stopped.")
        return 130
    return 0 if passed else 1


def _dashboard(settings: Settings, days: int) -> str:
    """The dashboard of the days that were lived, and the word that opens it."""
    assert settings.dashboard_token is not None
    lived = f"from={START:%Y-%m-%d}&to={START + timedelta(days=days - 1):%Y-%m-%d}"
    return f"{settings.gateway_url}/dashboard?{lived}   word: {settings.dashboard_token.get_secret_value()}"


def demo_settings() -> Settings:
    """The demonstration's own settings: local Telegram, own database, whatever the environment says for real use."""
    os.environ |= {
        "SOP_MODE": Mode.demo,
        "SOP_DATABASE_URL": "",
        "SOP_PUBLIC_URL": "",
        "SOP_STAFF_CHAT": str(STAFF_CHAT),
        "SOP_REPORT_CHAT": str(STAFF_CHAT),
        "SOP_DASHBOARD_TOKEN": secrets.token_urlsafe(18),
        **payment_settings(),
    }
    return load_settings()


def _enter(environment: dict[str, str]) -> None:
    """Make this process one of the stack's. What its runs log is in the Prefect UI; here is the progress bar."""
    quick = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL", "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false"}
    os.environ |= environment | quick


async def _play(console: Console, settings: Settings, days: int, members: int, seed: int) -> bool:
    bundle = selling(load_bundle(settings.playbook_dir))
    async with AsyncExitStack() as open_now:
        conn = await open_now.enter_async_context(await connect(os.environ["SOP_DATABASE_URL"]))
        sandbox = await open_now.enter_async_context(SandboxClient(settings.telegram_api))
        # The gateway may close a kept connection just when it is used again, and a form is not sent twice.
        http = await open_now.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        )
        clock = Clockwork(conn, sandbox, settings.bot_id)
        flows = asyncio.create_task(asyncio.to_thread(real_flows))
        await publish(conn, bundle, "the demonstration: every plan opens a group")
        doors = await prepare(conn, sandbox, clock, settings, bundle.playbook, START - timedelta(hours=1))
        tokens = [link.token for link in bundle.playbook.links]
        people = populate(members, days, seed, tokens, [int(str(group["slot"])) for group in GROUPS])
        ime = Ime(http, f"{settings.gateway_url}/payments/ime", *next(iter(settings.ime_keys.items())))
        market = Market(shelf(bundle.playbook, str(OFFERED.plan)), ime, STAFF_CHAT, OWNER)
        crowd = Crowd(people, sandbox, http, doors, quiz(bundle.playbook), seed, market)
        await crowd.settle()
        calendar = Calendar(conn, bundle, settings.bot_id, seed)
        await calendar.announce(START, days)
        life = Life(conn, clock, crowd, bundle, settings.bot_id, await flows, calendar, START)
        async with _progress(console, days) as show:
            await life.pass_days(days, show)
        await summarise(console, conn, bundle.playbook, crowd)
        facts = await gather(conn, sandbox, crowd, bundle.playbook, START + timedelta(days=days), life.runs)
        passed = verdict(console, judge(facts))
        await clock.release()
    return passed


@asynccontextmanager
async def _progress(console: Console, days: int) -> AsyncIterator[Callable[[int, datetime], None]]:
    """A bar on a terminal, a line a virtual day elsewhere."""
    if not console.is_terminal:
        yield (
            lambda slot, at: (
                console.print(f"day {slot // SLOTS_A_DAY} of {days} · {at:%a %d %b %Y}")
                if slot % SLOTS_A_DAY == 0
                else None
            )
        )
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("The community lives", total=days * SLOTS_A_DAY)
        yield lambda slot, at: bar.update(task, completed=slot, description=f"{at:%a %d %b %Y}")
