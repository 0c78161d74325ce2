"""Rows `callback` and `callback-offline`: from a provider's callback to the receipt with its link into the VIP group.

20 callbacks a second for 60 s, against the always-on service as it runs in use; the sandbox enforces Telegram's limits
at 60 ms latency, and a campaign of 10,000 messages takes what is left. Each payer waits from the call to the arrival of
their message, and must get one, with a link of their own. As many links as payers are made ahead
(`access.links_ready`); who found none would get theirs in a second message.

`callback-offline`: half-way Prefect's server is stopped, in another round it hangs; when it is back, the runs that show
what was done are recorded. The reference is what a message waits that is put behind the campaign.
"""

import asyncio
import os
import signal
import statistics
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp

from community.database.pool import Connection
from community.outbox.bundles import publish
from community.sandbox.client import SandboxClient
from tests.benchmarks.harness import Row, count, database, sandbox
from tests.benchmarks.prefect import Prefect, prefect_server
from tests.benchmarks.service import SERVICE, evenly, last_entry, waits
from tests.benchmarks.shop import Shop, call, paid, selling, shop, signed, until

PER_SECOND, SECONDS = 20, 60
CAMPAIGN, EACH, CAMPAIGN_LANE, RATE = 10_000, 10, 55, 30
"""Messages of the campaign, and how many of them each of its readers gets."""
LATENCY_MS = 60
PAYERS = range(1_000_000, 1_000_000 + PER_SECOND * SECONDS)
READERS = range(2_000_000, 2_000_000 + CAMPAIGN // EACH)
Event = Callable[[], Awaitable[None]]


async def run() -> Row:
    """Row `callback`."""
    with database() as url:
        async with _selling(url) as place:
            waited, details = await _round(place)
    return _row("callback", waited, details)


async def run_offline() -> Row:
    """Row `callback-offline`: the same while Prefect's server stops, and while it hangs."""
    waited: list[float] = []
    details: dict[str, float | int | str] = {}
    for trouble in ("stopped", "hung"):
        with database() as url, prefect_server() as prefect:
            async with _selling(url, **prefect.settings()) as place:
                await prefect.ready({"SOP_DATABASE_URL": url, "SOP_MODE": SERVICE.effective_mode.value})
                await publish(place.conn, selling(len(PAYERS)), "bench")  # it has put the folder's in force
                ours, found = await _round(place, _half_way(prefect, trouble))
                prefect.back()
                shown = "SELECT -count(*) FROM stage_triggers WHERE stage = 'payment_access' AND shown_wall IS NULL"
                await until(place.conn, shown, 0)
                runs = await prefect.runs("payment-access")
        waited += ours
        details |= {f"{trouble}: {name}": value for name, value in (found | {"runs recorded": runs}).items()}
    recorded = all(details[f"{trouble}: runs recorded"] for trouble in ("stopped", "hung"))
    return _row("callback-offline", waited, details, recorded)


@asynccontextmanager
async def _selling(url: str, **settings: str) -> AsyncIterator[Shop]:
    async with (
        sandbox("--token", SERVICE.token, "--journal-limit", "100000") as api,
        SandboxClient(api) as client,
        shop(url, api, client, [*PAYERS, *READERS], links=len(PAYERS), **settings) as place,
    ):
        await client.set_limits(True)
        await client.set_latency(LATENCY_MS)
        yield place


def _half_way(prefect: Prefect, trouble: str) -> Event:
    async def happens() -> None:
        await asyncio.sleep(SECONDS / 2)
        prefect.send(signal.SIGTERM if trouble == "stopped" else signal.SIGSTOP)

    return happens


async def _round(place: Shop, event: Event | None = None) -> tuple[list[float], dict[str, float | int | str]]:
    """Seconds that each payer waited; what else there is to know."""
    await _campaign(place.conn)
    await asyncio.sleep(2)
    before = await last_entry(place.client)
    beside = asyncio.create_task(event()) if event else None
    async with aiohttp.ClientSession() as http:

        async def pay(user: int) -> None:
            content = paid(user, user)
            status = await call(http, place.gateway, content, signed(content))
            assert status == 200, status

        called = await evenly(PAYERS, PER_SECOND, pay)
    if beside:
        await beside
    waited = await waits(place.client, called, SERVICE.bot_id, after=before)
    return waited, await _checked(place, before, len(called) - len(waited))


async def _campaign(conn: Connection) -> None:
    await conn.execute(
        "INSERT INTO messages (bot_id, chat_id, lane, stage, step, occurrence, promotional, template, bundle,"
        " planned_at, due_at) SELECT %s, %s + i / %s, %s, 'welcome_drip', 'day_1', i::text, false,"
        " 'welcome_drip/day_1', (SELECT hash FROM bundles LIMIT 1), now(), now() FROM generate_series(0, %s) AS i",
        [SERVICE.bot_id, READERS[0], EACH, CAMPAIGN_LANE, CAMPAIGN - 1],
    )


async def _checked(place: Shop, before: int, lost: int) -> dict[str, float | int | str]:
    """How many messages each payer got, and whether each has one link of their own."""
    messages: Counter[int] = Counter()
    campaign = after = 0
    while page := await place.client.journal(after=max(after, before), method="sendMessage", limit=5_000):
        after = page[-1]["number"]
        sent = [int(each["chat_id"]) for each in page if each["error"] is None]
        messages.update(chat for chat in sent if chat in PAYERS)
        campaign += sum(chat in READERS for chat in sent)
    links = "SELECT count(*) FROM entry_links WHERE invite_link IS NOT NULL AND given_at IS NOT NULL"
    own = f"{links} AND member_id IN (SELECT id FROM members WHERE telegram_id >= {PAYERS[0]})"
    return {
        "lost": lost,
        "payers with more than one message": sum(number > 1 for number in messages.values()),
        "links given": await count(place.conn, own),
        "of the campaign sent meanwhile": campaign,
        "429": (await place.client.meter())["too_many"],
    }


def _row(name: str, waited: list[float], details: dict[str, float | int | str], whole: bool = True) -> Row:
    p99 = statistics.quantiles(waited, n=100)[98]
    figure = {"p50": statistics.median(waited), "p99": p99}
    twice = sum(int(value) for key, value in details.items() if key.endswith(("more than one message", "lost", "429")))
    links = [int(value) for key, value in details.items() if key.endswith("links given")]
    passed = figure["p50"] < 0.5 and p99 < 1 and not twice and whole and set(links) == {len(PAYERS)}
    details |= {"slowest, s": round(max(waited), 2), "load average": f"{os.getloadavg()[0]:.1f}"}
    reference = {"behind the campaign, s": CAMPAIGN / RATE}
    return Row(name, figure, "s", reference, p99 * RATE / CAMPAIGN, "p50 < 0.5 s, p99 < 1 s", passed, details)
