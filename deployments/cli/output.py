"""How the verbs print: plain tables that stay whole when piped, moments in one zone, ages in words."""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from community.telegram_html import showable

PIPED_WIDTH = 500
"""Wide enough that no line of a table breaks."""
_OBEYED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def console(*, whole: bool = False) -> Console:
    """Standard output; `whole`: lines are never broken, so that addresses can be copied.

    Nothing is taken as markup: names and texts may hold anything.
    """
    width = PIPED_WIDTH if whole or not Console().is_terminal else None
    return Console(markup=False, emoji=False, highlight=False, width=width)


def print_table(out: Console, title: str | None, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table, under its title if any; `-` for None. Nothing at all without rows."""
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*("-" if cell is None else one_line(cell) for cell in row))
    if table.row_count:
        out.print(Text(f"\n{title}", style="bold") if title else "")
        out.print(table)


def one_line(value: object) -> str:
    """A value as a terminal may show it: no control codes, no line breaks, nothing that turns what follows."""
    return " ".join(showable(str(value)).split())


def print_json(value: object) -> None:
    """JSON, in which what a terminal might obey is written as an escape: nothing is lost."""
    print(
        _OBEYED.sub(
            lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False, indent=2, default=str)
        )
    )


def named(step: str, variant: str | None) -> str:
    """A step, and which variant of its experiment."""
    return f"{step} ({variant})" if variant else step


def local(at: datetime | None, zone: str) -> str | None:
    """The moment in `zone`, to the minute."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" if at else None
