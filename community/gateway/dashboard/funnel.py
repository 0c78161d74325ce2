"""The entry funnel, of all together and by source."""

from typing import Any

from community.gateway.dashboard.look import Context, Look
from community.insight.funnel import Funnel, funnel
from community.insight.numbers import percent
from community.insight.values import SMALL

MOST_SOURCES = 20


async def show(look: Look) -> Context:
    """The steps of who came in the newest window asked for."""
    found = await funnel(look.conn, look.bundle.playbook, look.asked.last)
    shown = [each for each in found if look.asked.source in ("", each.source)]
    return {
        "funnels": [_told(look, each) for each in shown[: MOST_SOURCES + 1]],
        "empty": not any(number for each in found for number in each.steps.values()),
        "now": look.window(look.asked.last),
    }


def _told(look: Look, found: Funnel) -> dict[str, Any]:
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
                "small": share is not None and (found.base(step) or 0) < SMALL,
                "width": width,
                "address": look.asked.address(f"/dashboard/funnel/{step}/rows", source=found.source, group=None),
            }
        )
    return {"source": found.source, "steps": steps}
