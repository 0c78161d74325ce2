"""The delivery loop with its parts put together: in the always-on service, and in `delivery` when that is away."""

from community.channels.channel import Channel
from community.database.pool import Pool
from community.members.links import LINKS
from community.outbox.bundles import Bundles
from community.outbox.compose import Composer
from community.outbox.delivery import Delivery
from community.settings import Settings


def make_delivery(
    settings: Settings, pool: Pool, bundles: Bundles, channel: Channel, *, username: str, process: str
) -> Delivery:
    """A delivery loop for the settings' bot, called `username` in Telegram; not yet running."""
    composer = Composer(
        bundles,
        bot_id=settings.bot_id,
        username=username,
        links_url=settings.links_url,
        link_secret=settings.lasting_secret(LINKS),
    )
    return Delivery(pool, channel, bundles, composer, process=process, connections=settings.connections)
