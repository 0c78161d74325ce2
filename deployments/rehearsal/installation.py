"""An installation for the length of a rehearsal: local Telegram, bot, gateway and delivery as they run in use.

Nothing of the operator's own is read: settings are made here, whatever the environment says.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp
from telegram import Bot

from community.bot.direct import Direct
from community.bot.service import BotService
from community.bundle import Bundle
from community.channels.telegram import TelegramChannel, make_bot
from community.database.installation import claim, sop_now
from community.database.pool import Connection, Pool, connect, open_pool
from community.database.queries import load
from community.database.wakeup import OUTBOX, Wakeup
from community.gateway.app import create_gateway
from community.gateway.server import Server, http_config
from community.outbox.bundles import Bundles, publish
from community.outbox.claim import ensure_budget
from community.outbox.delivery import POLL_S, Delivery
from community.sandbox.client import SandboxClient
from community.sandbox.testing import serving
from community.settings import Mode, Settings
from deployments.clockwork import Clockwork
from deployments.supervise import Part, cancel, keep
from tasks.sending import make_delivery

queries = load(__file__, "queries.sql")

HOST = "127.0.0.1"
CONNECTIONS = 16
OWNER = 500_000_000


@dataclass(frozen=True, slots=True)
class Installation:
    """What a rehearsal plays on. Both clocks stand until `clock` is set."""

    settings: Settings
    bundle: Bundle
    conn: Connection
    telegram: SandboxClient
    clock: Clockwork
    direct: Direct
    username: str
    """The bot's."""

    async def now(self) -> datetime:
        """What the clocks show."""
        return await sop_now(self.conn)

    async def next_due(self) -> datetime | None:
        """When the next message that waits is due."""
        row = await (await self.conn.execute(queries.next_due, {"now": await self.now()})).fetchone()
        return row["due_at"] if row else None

    async def found_groups(self) -> None:
        """Every group that an entry link leads to, and one that no plan opens, each with the bot in it and a way in."""
        playbook = self.bundle.playbook
        await self.telegram.create_user(OWNER, "Owner")
        opened = {chat for each in playbook.plans.values() for chat in each.chats}
        home = playbook.community.name
        while home in opened:
            home += " ·"
        for title in [*{link.group for link in playbook.links if link.group}, home]:
            group = await self.telegram.create_group(title, owner=OWNER, bots=[])
            await self.telegram.add_bot(OWNER, group, admin=True)
        await self.clock.settled()
        await self.direct.open_doors()


@asynccontextmanager
async def installed(url: str, bundle: Bundle, folder: Path) -> AsyncIterator[Installation]:
    """The playbook in force on the migrated, empty database at `url`. `folder` is the playbook's."""
    settings, bundle = Settings.model_construct(mode=Mode.sandbox, host=HOST, playbook_dir=folder), _for_all(bundle)
    async with AsyncExitStack() as opened:
        telegram = await opened.enter_async_context(serving(settings.token))
        listener = opened.enter_context(socket.create_server((HOST, 0)))
        ports = {"sandbox_port": telegram.port, "gateway_port": listener.getsockname()[1]}
        settings = settings.model_copy(update=ports)
        conn = await opened.enter_async_context(await connect(url))
        pool = await opened.enter_async_context(await open_pool(url, CONNECTIONS))
        bot = await opened.enter_async_context(make_bot(settings.token, settings.telegram_api, CONNECTIONS))
        await telegram.client.set_limits(enforced=False)
        await _put_in_force(conn, settings, bundle)
        wakeup = Wakeup(url)
        members = BotService(pool, settings, Bundles(), wakeup, bot)
        gateway = create_gateway(pool, settings, wakeup, lambda: bot.username)
        await opened.enter_async_context(_answering(gateway, listener))
        delivery = partial(_deliver, settings, pool, bot, wakeup)
        parts: dict[str, Part] = {"wake-ups": wakeup.run, "bot": members.run, "delivery": delivery}
        running = [asyncio.create_task(keep(name, part)) for name, part in parts.items()]
        opened.push_async_callback(cancel, running)
        clock = Clockwork(conn, telegram.client, settings.bot_id)
        yield Installation(settings, bundle, conn, telegram.client, clock, members.direct, bot.username)


@asynccontextmanager
async def _answering(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Its requests are answered until the block ends. A cancelled server would leave its socket with the loop."""
    server = Server(http_config(app))
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def _for_all(bundle: Bundle) -> Bundle:
    """The same, with nobody held out: a stranger stands for those who do get the messages."""
    source: dict[str, Any] = {**bundle.source, "holdout": {**bundle.source["holdout"], "global": "0%"}}
    source["stages"] = {name: {**stage, "holdout": "0%"} for name, stage in source["stages"].items()}
    return Bundle(source, bundle.copy)


async def _put_in_force(conn: Connection, settings: Settings, bundle: Bundle) -> None:
    await claim(conn, settings.bot_id, settings.effective_mode)
    # Days pass in seconds; limits in real time would distort them (invariant 6).
    await ensure_budget(conn, settings.bot_id, None)
    await publish(conn, bundle, "rehearsal")


async def _deliver(settings: Settings, pool: Pool, bot: Bot, wakeup: Wakeup) -> None:
    process = f"rehearsal:{os.getpid()}"
    channel = TelegramChannel(bot)
    delivery = make_delivery(settings, pool, Bundles(), channel, username=bot.username, process=process)
    await asyncio.gather(delivery.run(), _wake(delivery, wakeup))


async def _wake(delivery: Delivery, wakeup: Wakeup) -> None:
    while True:
        await wakeup.wait(OUTBOX, POLL_S)
        delivery.wake()
