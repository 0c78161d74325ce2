"""The bot as the always-on service runs it: fetch (unless Telegram delivers to the webhook), handle, open doors."""

import asyncio
import logging

from psycopg import OperationalError
from telegram import Bot

from community.bot.admissions import Admissions
from community.bot.checkouts import Checkouts
from community.bot.direct import Direct
from community.bot.entry_links import EntryLinks
from community.bot.polling import Polling
from community.bot.refunds import Refunds
from community.bot.subscriptions import Subscriptions
from community.bot.workers import Workers
from community.database.pool import Pool
from community.database.wakeup import Wakeup
from community.insight.entrance import Entrance
from community.members.suppression import SUPPRESSION
from community.outbox.bundles import Bundles
from community.payments.stripe_api import StripeApi
from community.settings import Settings

log = logging.getLogger(__name__)


class BotService:
    """Serves members until cancelled. `bot` is initialised by its owner, and shared with the Telegram channel."""

    def __init__(self, pool: Pool, settings: Settings, bundles: Bundles, wakeup: Wakeup, bot: Bot) -> None:
        self.direct = Direct(pool, bot, settings.bot_id)
        self.workers = Workers(
            pool,
            bundles,
            wakeup,
            self.direct,
            bot_id=settings.bot_id,
            staff_chat=settings.staff_chat,
            secret=settings.lasting_secret(SUPPRESSION),
            entrance=Entrance.of(settings),
        )
        self.checkouts = Checkouts(pool, bundles, wakeup, self.direct, settings.bot_id)
        self.admissions = Admissions(pool, self.direct, settings.bot_id)
        self.entry_links = EntryLinks(pool, bundles, wakeup, self.direct, settings.bot_id)
        key = settings.stripe_api_key
        stripe = StripeApi(key.get_secret_value()) if key else None
        self.refunds = Refunds(pool, wakeup, self.direct, stripe)
        self.subscriptions = Subscriptions(pool, bundles, wakeup, self.direct, stripe, settings.bot_id)
        self.polling = Polling(
            str(pool.conninfo), pool, wakeup, api=settings.telegram_api, token=settings.token, bot_id=settings.bot_id
        )
        self._by_webhook = settings.public_url is not None

    async def run(self) -> None:
        """Fetch and handle until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.workers.run())
            group.create_task(self.checkouts.run())
            group.create_task(self.admissions.run())
            group.create_task(self.entry_links.run())
            group.create_task(self.refunds.run())
            group.create_task(self.subscriptions.run())
            group.create_task(self._open_doors())
            group.create_task(self.workers.wishes.grant())
            if not self._by_webhook:
                group.create_task(self.polling.run())

    async def _open_doors(self) -> None:
        """Groups that were left without a join-request link, by a crash or for want of rights, get another try."""
        try:
            await self.direct.open_doors()
        except OperationalError as error:
            log.warning("invite links: %s; tried again at the next start", str(error).splitlines()[0])
