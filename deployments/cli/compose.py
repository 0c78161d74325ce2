"""Composing messages as the service does, for verbs that show them."""

from community.members.links import LINKS
from community.outbox.bundles import Bundles
from community.outbox.compose import Composer
from deployments.cli.session import Session, bot_name

UNKNOWN_BOT = "your_bot"
"""Stands for the bot's username while Telegram does not tell it."""


async def make_composer(s: Session) -> Composer:
    """A composer for the settings' bot."""
    return Composer(
        Bundles(),
        bot_id=s.settings.bot_id,
        username=await bot_name(s.settings) or UNKNOWN_BOT,
        links_url=s.settings.links_url,
        link_secret=s.settings.lasting_secret(LINKS),
    )
