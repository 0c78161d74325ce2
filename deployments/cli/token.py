"""`sop token rotate`."""

import asyncio
import os
from pathlib import Path

import typer
from pydantic import SecretStr

from community.settings import load_settings
from deployments.rotation import check_rotatable, rotate as rotate_token

ENV = Path(".env")
VARIABLE = "SOP_NEW_TELEGRAM_TOKEN"


def rotate() -> None:
    """Put a new token of the same bot into force, read from the environment or asked for without echo."""
    settings = load_settings()
    check_rotatable(settings, ENV)
    given = os.environ.get(VARIABLE) or typer.prompt(f"New token of bot {settings.bot_id}", hide_input=True)
    asyncio.run(rotate_token(settings, SecretStr(given.strip()), ENV))
    print(f"The new token of bot {settings.bot_id} is in {ENV}, and the webhook is as it should be.")
    print("A service that runs still has the old one: restart it now (Ctrl-C, make up). What waits goes out then.")
