"""Composing messages as the service does, for verbs that show them."""

from collections.abc import Sequence
from typing import Any

from rich.panel import Panel
from rich.text import Text

from community.bundle import Bundle
from community.channels.channel import Outgoing
from community.members.links import LINKS
from community.members.names import display_name
from community.outbox.bundles import Bundles
from community.outbox.compose import Composer
from community.outbox.render import RenderError
from community.telegram_html import plain_text
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


async def texts_of(s: Session, rows: Sequence[dict[str, Any]]) -> list[Outgoing | RenderError]:
    """The messages of planned rows, each by its version, or why one cannot be rendered."""
    if not rows:
        return []
    composer, bundles = await make_composer(s), Bundles()
    return [await _rendered(s, composer, await bundles.get(s.conn, row["bundle"]), {**row, "id": 0}) for row in rows]


async def _rendered(s: Session, composer: Composer, bundle: Bundle, row: dict[str, Any]) -> Outgoing | RenderError:
    try:
        return await composer.render(s.conn, bundle, row)
    except RenderError as error:
        return error


def panel(row: dict[str, Any], text: Outgoing | RenderError) -> Panel:
    """A message in full, under whom it is for."""
    number, name = row["member_id"], display_name(row["first_name"], row["last_name"], row["username"])
    body = f"cannot be rendered: {text}" if isinstance(text, RenderError) else _body(text)
    return Panel(Text(body), title=Text(f"{row['step']} to {name} ({number})"), title_align="left", width=100)


def _body(message: Outgoing) -> str:
    rows = [" ".join(f"[{b.text}]" + (f" {b.url}" if b.url else "") for b in row) for row in message.buttons]
    return "\n".join([plain_text(message.text).strip(), *([""] if rows else []), *rows])
