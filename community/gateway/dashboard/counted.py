"""How far figures are counted: one line on each page, so that nobody takes what is missing for nothing."""

from datetime import timedelta

from community.activity.counted import counted_before, late_days
from community.gateway.dashboard.look import Look
from community.insight.windows import Span, window

MOST = 100
"""Late days that are told apart."""


async def told(look: Look) -> str:
    """Up to which day figures are counted for good, and how many days are still to be counted anew."""
    before = await counted_before(look.conn, look.asked.zone)
    if before is None:
        return look.words["counted_not"]
    last = look.window(window(Span.day, before - timedelta(days=1), look.asked.zone))
    said = look.words["counted_to"].replace("{day}", last)
    late = len(await late_days(look.conn, MOST + 1))
    number = f"{MOST}+" if late > MOST else str(late)
    return f"{said} {look.words['counted_late'].replace('{days}', number)}" if late else said
