"""The daily look at holdouts and versions."""

from datetime import datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from community.database.installation import sop_now
from community.insight.learning import learn
from community.insight.windows import day_of
from tasks.reports import pages
from tasks.storage import bundle_in_force, connection


@task(
    name="learn", task_run_name="look at holdouts and versions", cache_policy=NO_CACHE, retries=2, timeout_seconds=1800
)
async def look_at_learning(at: datetime, *, past: bool) -> int | None:
    """Keep what holdouts and versions say as of `at` (SOP time); returns the version that is to be taken back.

    With `past` a moment was asked for: of a day that is over nothing is kept or told.
    """
    async with connection() as conn:
        bundle, now_at = await bundle_in_force(conn), await sop_now(conn)
        community = bundle.playbook.community
        if past and day_of(at, community.zone) != day_of(now_at, community.zone):
            return None
        seen = await learn(conn, bundle, at, pages().words(community.locale, community.locale))
    return seen.worse[0].version if seen.worse else None
