"""A verb's session: the settings, one connection to the database they name, and SOP time."""

import getpass
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import psycopg

from community.bundle import Bundle
from community.database.embedded import EmbeddedPostgres
from community.database.installation import claim, sop_now
from community.database.pool import Connection, connect
from community.errors import DatabaseError, SopError, TelegramRefused, TokenError
from community.outbox.bundles import Bundles
from community.playbook_types import Amount, parse_money
from community.settings import Settings, load_settings

if TYPE_CHECKING:
    from community.members.models import Member

DATABASE = "sop"
"""Name of the embedded server's database."""
YEARS = range(2000, 2100)
"""Beyond, PostgreSQL's or Python's calendar may end within a stage's days."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a verb works with."""

    settings: Settings
    conn: Connection

    async def bundle(self) -> Bundle:
        """The playbook and copy in force. Raises PlaybookError when none was published."""
        return await Bundles().current(self.conn)

    async def member(self, name: str) -> "Member":
        """The member an operator names. Raises UnknownMember."""
        from community.members.people import find  # brings SQLAlchemy, a second on a slow machine

        return await find(self.conn, name)

    async def moment(self, text: str, zone: str, option: str = "--as-of") -> datetime:
        """`now` (SOP time), or an ISO date and time; without a zone it is taken in `zone`, and said so.

        Raises SopError, which names the `option` it was given by.
        """
        if text.strip().lower() == "now":
            return await sop_now(self.conn)
        at = parse_moment(text, option)
        if at.tzinfo is None:
            at = at.replace(tzinfo=ZoneInfo(zone))
            print(f"No zone given: taken as {at:%Y-%m-%d %H:%M} in {zone}, the community's.", file=sys.stderr)
        return at


@asynccontextmanager
async def session() -> AsyncIterator[Session]:
    """Open the installation's database. Raises DatabaseError when it is away, another bot's or not set up."""
    settings = load_settings()
    conn = await connect(database_url(settings))
    try:
        async with conn:
            await claim(conn, settings.bot_id, settings.effective_mode)
            yield Session(settings, conn)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        reason = str(error).splitlines()[0]
        raise DatabaseError(f"database: not of this version ({reason}); `make up` brings it up to date") from None
    except psycopg.OperationalError as error:
        raise DatabaseError(f"database: {str(error).splitlines()[0]}; is PostgreSQL up?") from None


def database_url(settings: Settings) -> str:
    """The database of the settings, else the embedded server's. Raises DatabaseError when that is not running."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return EmbeddedPostgres(embedded_folder(settings)).url(DATABASE)


def embedded_folder(settings: Settings) -> Path:
    """Where the embedded server of this installation keeps its data."""
    return settings.data_dir / settings.effective_mode / "postgres"


async def bot_name(settings: Settings) -> str | None:
    """The bot's username as Telegram tells it; None when Telegram does not answer in 3 seconds."""
    from deployments.bot_api import bot_api  # brings aiohttp, half as much again as all else a verb imports

    try:
        async with bot_api(settings.telegram_api, settings.token, within_s=3) as api:
            username: str | None = (await api.ask("getMe")).result.get("username")
    except (TokenError, TelegramRefused):
        return None
    return username


def money(text: str | None, option: str) -> Amount | None:
    """An amount of money as typed. Raises SopError naming the option."""
    try:
        return parse_money(text) if text is not None else None
    except ValueError as error:
        raise SopError(f"{option}: {error}") from None


def operator() -> str:
    """Who runs the command, as this machine knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "operator"


def parse_moment(text: str, option: str = "--as-of") -> datetime:
    """An ISO date and time, with a zone if one was given. Raises SopError."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        at = None
    if at is None or at.year not in YEARS:
        raise SopError(
            f"{option}: {text!r} is not a date and time; write 2026-03-04T10:00, with a zone as +08:00, or now"
        )
    return at


def calendar_day(option: str, text: str) -> date:
    """The day that an option names. Raises SopError."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        day = None
    if day is None or day.year not in YEARS:
        raise SopError(f"{option}: {text!r} is not a day; write it as 2026-03-16")
    return day
