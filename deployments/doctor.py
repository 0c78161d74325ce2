"""What may be wrong with an installation, looked at one thing after another, each problem with its remedy."""

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from community.access.doors import doors
from community.bot.inbox import ALLOWED_UPDATES
from community.database.installation import last_beat, sop_now, versions
from community.database.migrate import newest_migration
from community.database.pool import Connection
from community.errors import SopError, TelegramRefused
from community.groups.registry import present_groups
from community.groups.rights import RIGHTS, missing_rights
from community.outbox.alerts import undelivered
from community.outbox.bundles import Bundles
from community.outbox.halt import halts
from community.outbox.overview import pace, queued
from community.playbook_offers import library_of
from community.settings import Mode, Settings
from deployments.bot_api import BotApi
from deployments.preflight import prefect_api
from tasks.storage import ALIVE

SKEW = timedelta(seconds=5)
"""Clocks further apart than this bend leases, limits and what is due. Telegram tells its own to the second."""
OLDEST = timedelta(minutes=10)
"""Something due for longer waits for a reason."""
LEAST_FREE = 2**30
"""Bytes free on the disk; PostgreSQL's log alone may take 2 GB after a large import."""
MOST_PENDING = 100
"""Updates that wait at Telegram; more means that nobody takes them."""
START = "start the always-on service: make up"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `problem` None: it is as it should be, and `said` tells how it is."""

    what: str
    said: str
    problem: bool = False
    remedy: str = ""


def fine(what: str, said: str) -> Finding:
    """It is as it should be."""
    return Finding(what, said)


def wrong(what: str, said: str, remedy: str) -> Finding:
    """It is not, and this is what to do."""
    return Finding(what, said, True, remedy)


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined."""

    settings: Settings
    conn: Connection
    api: BotApi


async def examine(patient: Patient) -> AsyncIterator[Finding]:
    """Everything, in the order in which one trouble explains the next."""
    looks = {
        "disk": disk(patient.settings),
        "database": database(patient),
        "token": telegram(patient.settings, patient.api),
        "groups": groups(patient),
        "library": library(patient),
        "service": service(patient),
        "queue": queue(patient),
        "charts": charts(),
        "Prefect": prefect(patient),
    }
    for what, look in looks.items():
        async for finding in surviving(what, look):
            yield finding


async def surviving(what: str, findings: AsyncIterator[Finding]) -> AsyncIterator[Finding]:
    """An expected error ends one look and not the others; its own words say what to do."""
    try:
        async for finding in findings:
            yield finding
    except SopError as error:
        said, _, remedy = str(error).partition("; ")
        yield wrong(what, said, remedy)


async def disk(settings: Settings) -> AsyncIterator[Finding]:
    """Room where the local servers keep their data."""
    place = next(folder for folder in (settings.data_dir, *settings.data_dir.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    said = f"{free / 2**30:.1f} GiB free for {settings.data_dir}"
    if free < LEAST_FREE:
        yield wrong("disk", said, "free some: without room nothing is stored, and updates wait at Telegram")
    else:
        yield fine("disk", said)


async def database(patient: Patient) -> AsyncIterator[Finding]:
    """Version of the schema, and the database's clock."""
    found, newest = await versions(patient.conn), newest_migration()
    yield fine("database", f"PostgreSQL {found.postgresql} answers")
    if found.migration == newest:
        yield fine("migrations", f"at {newest}, the newest")
    else:
        yield wrong("migrations", f"at {found.migration}, not {newest}", "`make up` of this version migrates")
    yield _clock("database clock", found.now_wall)
    bundle = await Bundles().current(patient.conn)
    yield fine("playbook", f"{bundle.hash[:12]} is in force")


def _clock(what: str, theirs: datetime) -> Finding:
    ahead = (theirs - datetime.now(UTC)).total_seconds()
    if abs(ahead) <= SKEW.total_seconds():
        return fine(what, f"within {SKEW.seconds} s of this machine's")
    return wrong(what, f"{ahead:+.0f} s from this machine's", "let both machines keep time by NTP (timedatectl)")


async def telegram(settings: Settings, api: BotApi) -> AsyncIterator[Finding]:
    """The token, Telegram's clock, and how updates come."""
    me = await api.ask("getMe")
    yield fine("token", f"belongs to @{me.result.get('username')} ({me.result['id']})")
    if me.clock:
        yield _clock("Telegram's clock", me.clock)
    info: dict[str, Any] = (await api.ask("getWebhookInfo")).result
    for finding in _webhook(settings, info):
        yield finding
    yield _allowed(info)


def _webhook(settings: Settings, info: dict[str, Any]) -> Iterator[Finding]:
    held, wanted = info.get("url", ""), settings.webhook_url or ""
    if held == wanted:
        yield fine("webhook", f"set to {wanted}" if wanted else "none: updates are polled")
    else:
        yield wrong("webhook", f"is {held or 'not set'}, not {wanted or 'empty'}", f"restart the service: {START}")
    at = info.get("last_error_date")
    if held and at and datetime.now(UTC) - datetime.fromtimestamp(at, UTC) < timedelta(hours=1):
        said = f"Telegram's last call failed: {str(info.get('last_error_message'))[:200]}"
        yield wrong("webhook calls", said, "check that SOP_PUBLIC_URL leads to the gateway, with a valid certificate")
    if (waiting := info.get("pending_update_count", 0)) > MOST_PENDING:
        yield wrong("updates", f"{waiting} wait at Telegram", START)


def _allowed(info: dict[str, Any]) -> Finding:
    missing = sorted(set(ALLOWED_UPDATES) - set(info.get("allowed_updates", ())))
    if not missing:
        return fine("allowed updates", "all that the bot handles")
    return wrong("allowed updates", f"Telegram does not send {', '.join(missing)}", START)


async def groups(patient: Patient) -> AsyncIterator[Finding]:
    """The bot's rights in each group, and whether it may write in the staff chat."""
    playbook = (await Bundles().current(patient.conn)).playbook
    opened = {door.group_id for door in await doors(patient.conn, playbook)}
    for group in await present_groups(patient.conn):
        what = f"group {group.id}, {group.title!r}"
        yield await _rights(patient, what, group.chat_id, manages=True, opened=group.id in opened)
    if patient.settings.staff_chat is not None:
        yield await _rights(patient, "staff chat", patient.settings.staff_chat, manages=False)
        for lost in await undelivered(patient.conn, patient.settings.bot_id, await sop_now(patient.conn)):
            said = f"did not take {lost.messages} of our messages within a day ({lost.reason})"
            yield wrong("staff chat", said, "add the bot to it, let it write there, or correct SOP_STAFF_CHAT")
    else:
        yield fine("staff chat", "none: nobody is told of trouble or follow-ups (SOP_STAFF_CHAT)")


async def charts() -> AsyncIterator[Finding]:
    """Whether charts in pictures can be labelled in Chinese."""
    from community.insight.charts import FONT_PACKAGE, chinese_font  # brings matplotlib, a second on a slow machine

    if font := chinese_font():
        yield fine("charts", f"labelled in {font}")
    else:
        said = "no font here holds Chinese: the pictures of reports are labelled in English"
        yield wrong("charts", said, f"install one on the machine of the worker: apt-get install {FONT_PACKAGE}")


async def library(patient: Patient) -> AsyncIterator[Finding]:
    """Whether what plans give to read can be kept to who holds them."""
    if not library_of((await Bundles().current(patient.conn)).playbook.plans.values()):
        return
    if patient.settings.links_url is None:
        said = "links to it lead there directly: whoever has one opens it, also when their plan is over"
        yield wrong("library", said, "set SOP_PUBLIC_URL to the gateway's public https address")
    else:
        yield fine("library", "opens for who holds a plan that names it")


async def _rights(patient: Patient, what: str, chat_id: int, *, manages: bool, opened: bool = False) -> Finding:
    try:
        answer = await patient.api.ask("getChatMember", chat_id=chat_id, user_id=patient.settings.bot_id)
    except TelegramRefused as refusal:
        return wrong(what, str(refusal), f"add the bot to the chat {chat_id}")
    status = answer.result.get("status")
    if status in ("left", "kicked"):
        return wrong(what, f"the bot is not in it ({status})", f"add the bot to the chat {chat_id}")
    if status == "restricted" and not answer.result.get("can_send_messages"):
        return wrong(what, "the bot may not write in it", f"lift its restriction in the chat {chat_id}")
    missing = [RIGHTS[right] for right in missing_rights(answer.result, opened=opened)] if manages else []
    if missing:
        return wrong(what, f"the bot may not {' and not '.join(missing)}", "make it an administrator with these rights")
    return fine(what, f"the bot is {status}")


async def service(patient: Patient) -> AsyncIterator[Finding]:
    """Whether the service lives, and the limit it sends by."""
    beat = await last_beat(patient.conn, "service")
    if beat is None or datetime.now(UTC) - beat > ALIVE:
        yield wrong("service", f"silent since {beat:%Y-%m-%d %H:%M} UTC" if beat else "has never run", START)
    else:
        yield fine("service", "alive")
    now = await pace(patient.conn, patient.settings.bot_id)
    if now is None:
        yield wrong("limits", "no rate limit is set", START)
    elif now.rate is None and patient.settings.effective_mode is not Mode.demo:
        yield wrong("limits", "sending has no rate limit", f"restart the service: {START}")
    elif now.frozen_until_wall and now.frozen_until_wall > datetime.now(UTC):
        until = f"{now.frozen_until_wall:%Y-%m-%d %H:%M:%S} UTC"
        yield wrong("limits", f"Telegram asked the bot to wait until {until}", "wait; does another program use it?")
    else:
        yield fine("limits", f"{now.rate:g} messages a second" if now.rate else "none, as time is simulated")


async def queue(patient: Patient) -> AsyncIterator[Finding]:
    """How long the oldest message has been due, and what needs an operator."""
    now_at = await sop_now(patient.conn)
    lines = await queued(patient.conn, patient.settings.bot_id)
    oldest = max((now_at - line.oldest_at for line in lines if line.state == "waiting"), default=timedelta())
    held = [str(row["scope"]) for row in await halts(patient.conn)]
    if oldest > OLDEST:
        cause = f"halted: {', '.join(held)}; `sop resume`" if held else "`sop outbox` lists it, `sop status` the pace"
        yield wrong("queue", f"the oldest message has been due for {oldest.total_seconds() / 60:.0f} min", cause)
    else:
        yield fine("queue", "nothing has been due for long")
    for state in ("failed", "uncertain"):
        if number := sum(line.messages for line in lines if line.state == state):
            yield fine(state, f"{number}, for an operator to look at: sop outbox --state {state}")


async def prefect(patient: Patient) -> AsyncIterator[Finding]:
    """Server and client of one version, and the server as declared."""
    from prefect import __version__
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from deployments.bootstrap import compare
    from deployments.declared import declared

    bundle, url = await Bundles().current(patient.conn), prefect_api(patient.settings)
    with temporary_settings({PREFECT_API_URL: url}):
        async with get_client() as client:
            if await client.api_healthcheck():
                yield wrong("Prefect", f"no server answers at {url}", "make up, or set PREFECT_API_URL")
                return
            server, differences = await client.api_version(), await compare(client, declared(bundle.playbook))
    if server != __version__:
        yield wrong("Prefect", f"server {server}, client {__version__}", "install the same version for both")
    for difference in differences:
        yield wrong("Prefect", difference, "python -m deployments.bootstrap")
    if not differences:
        yield fine("Prefect", f"{server} at {url}: deployments as declared")
