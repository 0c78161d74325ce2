"""The outbox: what waits, what failed, and when the queue will be empty."""

from community.gateway.dashboard.look import Context, Look
from community.gateway.dashboard.tiles import tile
from community.insight.numbers import duration
from community.kpis import FAMILIES
from community.outbox.forecast import forecast
from community.outbox.overview import UNDONE, failures, in_force, pace, queued

MOST = 30


async def show(look: Look) -> Context:
    """Counts by class and state, reasons, pace and forecast; and the KPIs of what was sent."""
    lines = await queued(look.conn, look.bot_id)
    reasons = await failures(look.conn, look.bot_id)
    ahead = await forecast(look.conn, look.bot_id, look.at)
    limit = await pace(look.conn, look.bot_id)
    windows = look.asked.drawn
    kpis = FAMILIES["outreach"]
    series = await look.values([k.name for k in kpis], look.asked.span, windows[0].since, windows[-1].until)
    begun = await look.begun()
    return {
        "states": {state: sum(line.messages for line in lines if line.state == state) for state in UNDONE[::-1]},
        "lines": [(line, look.moment(line.oldest_at)) for line in lines],
        "reasons": reasons[:MOST],
        "ahead": ahead,
        "takes": duration(ahead.takes.total_seconds(), look.words),
        "limit": limit,
        "frozen_until": look.moment(limit.frozen_until_wall) if limit and limit.frozen_until_wall else "",
        "published": await in_force(look.conn),
        "tiles": [tile(look, kpi, series, windows, begun) for kpi in kpis],
        "now": look.window(windows[-1]),
    }
