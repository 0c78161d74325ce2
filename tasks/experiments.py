"""The daily look at experiments, and the table of what they say."""

from datetime import datetime

from prefect import task
from prefect.artifacts import acreate_table_artifact
from prefect.cache_policies import NO_CACHE

from community.insight.experiments import Look, look
from community.settings import load_settings
from tasks.experiment_words import about, state_words, verdict_words
from tasks.storage import bundle_in_force, connection


@task(name="look", task_run_name="look at experiments", cache_policy=NO_CACHE, retries=2, timeout_seconds=600)
async def look_at_experiments(at: datetime) -> list[Look]:
    """Judge every experiment under way as of `at` (SOP time), propose what is settled and tell staff; show it."""
    settings = load_settings()
    async with connection() as conn:
        bundle = await bundle_in_force(conn)
        looks = await look(conn, bundle, at, bot_id=settings.bot_id, staff_chat=settings.staff_chat)
    rows = [
        {
            "experiment": each.key,
            "of": about(each),
            "stands": state_words(each),
            "says": verdict_words(each, each.result),
        }
        for each in (found.experiment for found in looks)
    ]
    if rows:
        await acreate_table_artifact(rows, key="experiments", description="What the experiments under way say")
    return looks
