"""The daily watch (SOP 1.39, 2.12): the report of yesterday; what is not as it should be is told with what helps."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.reporting import name_run
from tasks.reports import Language, show_report
from tasks.watching import watch_figures, watch_words


@flow(name="daily-watch", flow_run_name="daily-watch · under way")
async def daily_watch(as_of: date | None = None, locale: Language | None = None) -> State[Any]:
    """Make the report, keep it, show it here; post to the operations chat what is new in it, and nothing otherwise.

    Args:
        as_of: Day to look as of: at the day, week and month that were over then. Empty: the day this run was scheduled
            for. Of a day long over nothing is posted.
        locale: Language of the artifact and the post; empty: the community's.
    """
    language = locale.value if locale else None
    seen = await watch_figures(as_of, language)
    await show_report(seen.report, language or seen.report.locale)
    outcome = watch_words(seen)
    await name_run("daily-watch", str(seen.report.since), *outcome)
    return Completed(message=f"{seen.report.since}: {', '.join(outcome)}")
