"""The monthly review (SOP 1.38): what comes in and stays, who is active, what channels return, what to change next."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.reports import Language, report_of


@flow(name="monthly-review", flow_run_name="monthly-review · under way")
async def monthly_review(as_of: date | None = None, locale: Language | None = None, post: bool = False) -> State[Any]:
    """Make the review, keep it, show it here, post it to the operations chat.

    Args:
        as_of: Day on which it is made: it is about the last whole month before. Empty: the day this run was scheduled
            for.
        locale: Language of the artifact and the post; empty: the community's.
        post: Post it though it is about a month long over. What was posted once is not posted again.
    """
    return await report_of("monthly", as_of, locale, forced=post)
