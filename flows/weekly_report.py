"""The weekly report (SOP 1.37): the week that ended, against the one before and the targets, the notable first."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.reports import Language, report_of


@flow(name="weekly-report", flow_run_name="weekly-report · under way")
async def weekly_report(as_of: date | None = None, locale: Language | None = None, post: bool = False) -> State[Any]:
    """Make the report, keep it, show it here, post it to the operations chat.

    Args:
        as_of: Day on which it is made: it is about the last whole week before. Empty: the day this run was scheduled
            for.
        locale: Language of the artifact and the post; empty: the community's.
        post: Post it though it is about a week long over. What was posted once is not posted again.
    """
    return await report_of("weekly", as_of, locale, forced=post)
