"""`sop dashboard`."""

import asyncio

from community.insight.entrance import Entrance
from deployments.cli.session import session


def dashboard() -> None:
    """Print a link."""
    asyncio.run(_dashboard())


async def _dashboard() -> None:
    async with session() as s:
        print(await Entrance.of(s.settings).invite(s.conn))
