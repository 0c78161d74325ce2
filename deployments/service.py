"""The always-on service: bot, gateway and delivery in one asyncio process (`python -m deployments.service`).

Members depend on this process and on PostgreSQL, on nothing else. Prefect is asked on the side: the service starts and
serves while its server is down or hung.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import uvloop

from community.bot.inbox import ALLOWED_UPDATES
from community.bot.service import BotService
from community.channels.channel import Channel
from community.channels.telegram import TelegramChannel, make_bot
from community.database.installation import beat, claim, set_back, sop_now
from community.database.partitions import ensure_months
from community.database.pool import Pool, open_pool
from community.database.wakeup import OUTBOX, Wakeup
from community.errors import PortInUse, PrefectUnavailable, SopError
from community.gateway.app import create_gateway
from community.gateway.server import Server, http_config
from community.groups.gate import sweep_gate
from community.groups.welcome import sweep_greetings
from community.outbox.alerts import tell, watch_doubtful
from community.outbox.bundles import Bundles
from community.outbox.claim import ensure_budget
from community.outbox.delivery import Delivery
from community.outbox.halt import mirror
from community.outbox.recover import follow_clock, recover
from community.outreach.decide import settle
from community.payments.workers import PaymentWorkers
from community.settings import Mode, Settings, load_settings
from deployments.decisions import HeedCancels, ShowDecisions
from deployments.prefect_away import watch_prefect
from deployments.runs import ask
from deployments.supervise import Part, cancel, every, keep
from deployments.triggers import JOINS, PAYMENTS, REMOVALS, ShowTriggers
from tasks.sending import make_delivery
from tasks.storage import database_url

CONNECTIONS = 24
RATE = 30.0
"""Messages a second that Telegram takes from one bot."""
POLL_S = 1.0
BEAT_S = 5.0
SWEEP_S = 2.0
AHEAD = timedelta(days=3)
"""How early a month is made, so that nothing that happens has to make it."""
PAUSES_S = 5.0
LOOK_S = 30.0
FINISH_S = 10.0
"""Longest wait for sends on their way when the service stops."""

log = logging.getLogger("service")


class Service:
    """All parts of the always-on service, on one pool."""

    def __init__(self, settings: Settings, pool: Pool) -> None:
        """Takes the gateway's port. Raises PortInUse, and SettingsError for what providers are set to."""
        self._settings, self._pool, self._url = settings, pool, database_url(settings)
        self._listener = _listen(settings)
        self._process = f"{socket.gethostname()}:{os.getpid()}"
        self._bundles, self._wakeup = Bundles(), Wakeup(self._url)
        self._username: str | None = None
        self._gateway = create_gateway(pool, settings, self._wakeup, lambda: self._username)
        self._delivery: Delivery | None = None
        """The loop that runs now."""
        self._delivered = asyncio.Event()
        self._stopping = asyncio.Event()
        self._began_wall = datetime.now(UTC)

    def stop(self) -> None:
        """Claim nothing more; `run` returns when what is on its way has arrived."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until `stop`. Raises DatabaseError if the database is another bot's."""
        async with self._pool.connection() as conn:
            await claim(conn, self._settings.bot_id, self._settings.effective_mode)
            # A simulation's days pass in seconds; limits in real time would distort them (invariant 6).
            rate = None if self._settings.effective_mode is Mode.demo else RATE
            await ensure_budget(conn, self._settings.bot_id, rate)
        parts: dict[str, Part] = {
            "heartbeat": partial(every, BEAT_S, self._beat),
            "wake-ups": self._wakeup.run,
            "gateway": self._serve_gateway,
            "telegram": self._talk,
            "payments": PaymentWorkers(self._pool, self._bundles, self._wakeup, self._settings.bot_id).run,
            "sweeps": partial(every, SWEEP_S, self._sweep),
            "approvals": partial(every, SWEEP_S, self._settle_proposals),
            "decisions": ShowDecisions(self._pool).run,
            "cancelled runs": HeedCancels(self._pool, self._settings).run,
            "joins": ShowTriggers(self._url, self._wakeup, JOINS).run,
            "paid": ShowTriggers(self._url, self._wakeup, PAYMENTS).run,
            "approved": ShowTriggers(self._url, self._wakeup, REMOVALS).run,
            "pauses": partial(every, PAUSES_S, self._mirror_pauses),
            "alerts": partial(every, LOOK_S, self._look_out),
        }
        running = [asyncio.create_task(keep(name, part), name=name) for name, part in parts.items()]
        await self._stopping.wait()
        log.info("stopping: nothing more is claimed")
        await self._finish_sends()
        await cancel(running)

    async def _finish_sends(self) -> None:
        if self._delivery:
            self._delivery.stop()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._delivered.wait(), FINISH_S)

    async def _talk(self) -> None:
        """Everything that talks to Telegram, over one pool of connections."""
        settings = self._settings
        async with make_bot(settings.token, settings.telegram_api, settings.connections) as bot:
            self._username = bot.username
            log.info("bot @%s (%d)", bot.username, bot.id)
            if settings.webhook_url:
                secret = settings.derived_secret("webhook")
                await bot.set_webhook(settings.webhook_url, secret_token=secret, allowed_updates=ALLOWED_UPDATES)
            else:
                await bot.delete_webhook()
            members = BotService(self._pool, settings, self._bundles, self._wakeup, bot)
            deliver = partial(self._deliver, TelegramChannel(bot), bot.username)
            await asyncio.gather(keep("bot", members.run), keep("delivery", deliver))

    async def _deliver(self, channel: Channel, username: str) -> None:
        self._delivery = make_delivery(
            self._settings, self._pool, self._bundles, channel, username=username, process=self._process
        )
        waking = asyncio.create_task(self._wake(self._delivery))
        try:
            await self._delivery.run()
        finally:
            self._delivery = None
            self._delivered.set()
            await cancel([waking])

    async def _wake(self, delivery: Delivery) -> None:
        while True:
            await self._wakeup.wait(OUTBOX, POLL_S)
            delivery.wake()

    async def _serve_gateway(self) -> None:
        config = http_config(self._gateway, self._settings.trusted_proxies)
        await Server(config).serve([self._listener.dup()])

    async def _beat(self) -> None:
        async with self._pool.connection() as conn:
            async with conn.transaction():
                if back := await set_back(conn):
                    log.warning("the database's clock was set back by %s; leases, pauses and limits follow it", back)
                    await follow_clock(conn, back)
            await beat(conn, self._process, "service")

    async def _sweep(self) -> None:
        """Members do not wait for the `delivery` flow, which does the same once a minute."""
        bot_id = self._settings.bot_id
        async with self._pool.connection() as conn:
            bundle, at = await self._bundles.current(conn), await sop_now(conn)
            for table in ("events", "decisions"):
                await ensure_months(conn, table, [at, at + AHEAD])
            changed = (await recover(conn, bot_id, at)).again
            changed += await sweep_gate(conn, bundle, at, bot_id)
            changed += await sweep_greetings(conn, bundle, at, bot_id)
            changed += await tell(conn, bundle, bot_id, self._settings.staff_chat, at)
        if changed:
            self._wakeup.ring(OUTBOX)

    async def _settle_proposals(self) -> None:
        """A part of its own: executing a large plan takes seconds, which nobody else is to wait for."""
        bot_id, staff_chat = self._settings.bot_id, self._settings.staff_chat
        async with self._pool.connection() as conn:
            settled = await settle(conn, self._bundles, await sop_now(conn), bot_id=bot_id, staff_chat=staff_chat)
        if settled:
            self._wakeup.ring(OUTBOX)

    async def _look_out(self) -> None:
        """What staff need to know and nobody else would tell them while Prefect is away."""
        async with self._pool.connection() as conn:
            bundle, at = await self._bundles.current(conn), await sop_now(conn)
            await watch_doubtful(conn, bundle, self._settings.bot_id, at)
            await watch_prefect(conn, self._began_wall, at)

    async def _mirror_pauses(self) -> None:
        """A stage paused in Prefect stops within seconds; while Prefect is away, what was paused stays so."""
        from_prefect = await asyncio.to_thread(_paused_stages)
        with suppress(PrefectUnavailable):
            paused = await ask(from_prefect)
            async with self._pool.connection() as conn:
                await mirror(conn, paused, "prefect", "paused in Prefect")


def _listen(settings: Settings) -> socket.socket:
    try:
        return socket.create_server((settings.host, settings.gateway_port), backlog=2048)
    except OSError as error:
        address = f"{settings.host}:{settings.gateway_port}"
        raise PortInUse(f"gateway: {address}: {error.strerror}; free the port or set SOP_GATEWAY_PORT") from None


def _paused_stages() -> "Callable[[], Coroutine[Any, Any, list[str]]]":
    """The question to Prefect, imported off the loop: the import takes seconds."""
    from tasks.upkeep import paused_stages

    return paused_stages


async def serve(settings: Settings) -> None:
    """Open the pool and run the service until SIGTERM or Ctrl-C."""
    pool = await open_pool(database_url(settings), CONNECTIONS)
    try:
        service = Service(settings, pool)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, service.stop)
        await service.run()
    finally:
        await pool.close()


def main() -> None:
    """Serve; one line and exit code 1 when it cannot."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("httpx", "uvicorn.error"):  # httpx logs addresses, and Telegram's hold the token
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        uvloop.run(serve(load_settings()))
    except SopError as error:
        sys.exit(f"service: {error}")
    sys.stderr.flush()
    os._exit(0)  # all of ours is closed; Prefect's own exit handlers would wait for a hung server, up to 15 s


if __name__ == "__main__":
    main()
