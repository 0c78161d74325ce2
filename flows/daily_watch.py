"""The daily watch (SOP 1.39, 2.12): figures that are not as they should be are told to staff, with what helps."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.reporting import name_run
from tasks.watching import other_looks, report_watch, watch_figures, watch_words


@flow(name="daily-watch", flow_run_name="daily-watch · under way")
async def daily_watch(as_of: date | None = None) -> State[Any]:
    """Look at the figures, tell staff what is new, look at what else is looked at once a day, report.

    Args:
        as_of: Day to look as of: at the day, week and month that were over then. Empty: the day this run was scheduled
            for. Of a day long over nothing is told.
    """
    seen = await watch_figures(as_of)
    looks = [] if as_of else await other_looks()
    await report_watch(seen, looks)
    outcome = watch_words(seen, looks)
    await name_run("daily-watch", str(seen.day), *outcome)
    return Completed(message=", ".join(outcome))
