"""The entry funnel, of all together and by source."""

from typing import Any

from community.gateway.dashboard.look import Context, Look
from community.gateway.dashboard.shown import percent
from community.insight.funnel import Funnel, Step, funnel
from community.insight.windows import Window

MOST_SOURCES = 20


async def show(look: Look) -> Context:
    """The steps of all the days asked for."""
    days = Window(None, look.asked.since, look.asked.until, look.asked.zone)
    found = await funnel(look.conn, look.bundle.playbook, days)
    shown = [each for each in found if look.asked.source in ("", each.source)]
    return {
        "funnels": [_told(each) for each in shown[: MOST_SOURCES + 1]],
        "empty": not any(number for each in found for number in each.steps.values()),
        "steps": [step.value for step in Step],
    }


def _told(found: Funnel) -> dict[str, Any]:
    most = max((number for number in found.steps.values() if number), default=0)
    steps = []
    for step, number in found.steps.items():
        share = found.share(step)
        width = 0 if number is None or not most else round(100 * number / most, 1)
        steps.append(
            {
                "name": step.value,
                "number": "" if number is None else f"{number:,}",
                "share": "" if share is None else percent(share),
                "width": width,
            }
        )
    return {"source": found.source, "steps": steps}
