"""`sop up`: everything on one machine, until Ctrl-C."""

import asyncio

from community.settings import load_settings
from deployments.stack import Stack


def up() -> None:
    """Start every server that the settings ask for, and keep them running until Ctrl-C or SIGTERM."""
    asyncio.run(_up())


async def _up() -> None:
    async with Stack(load_settings()) as stack:
        print("Everything is up. Ctrl-C stops it.")
        await stack.wait()
