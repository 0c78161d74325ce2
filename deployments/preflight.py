"""What is looked at before anything starts, so that the operator is told in one line what only they can mend."""

import os
import socket

from dotenv import dotenv_values

from community.errors import PortInUse, TelegramRefused, TokenError
from community.settings import Settings
from deployments.bot_api import bot_api


def check_port(host: str, port: int, variable: str) -> None:
    """Raises PortInUse, naming the port and the setting, if nobody else could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise PortInUse(f"{host}:{port}: {reason}; stop what uses it, or set {variable}") from None


async def check_token(settings: Settings) -> None:
    """Ask Telegram for the bot. Raises TokenError if it refuses the token or cannot be reached."""
    try:
        async with bot_api(settings.telegram_api, settings.token) as api:
            await api.ask("getMe")
    except TelegramRefused as refusal:
        raise TokenError(f"{refusal}; try again later") from None


def prefect_api(settings: Settings) -> str:
    """Address of the Prefect server: the operator's own, else the local one that `make up` runs."""
    return own_prefect_api() or f"http://{settings.host}:{settings.prefect_port}/api"


def own_prefect_api() -> str | None:
    """The operator's own Prefect server, from the environment or `.env`; Prefect reads both as well."""
    url = os.environ.get("PREFECT_API_URL") or dotenv_values(".env").get("PREFECT_API_URL")
    return url.rstrip("/") if url else None
