"""The daily watch as a run: the report of yesterday, told to staff only where there is something new."""

from datetime import date

from prefect import task
from prefect.cache_policies import NO_CACHE

from community.database.installation import sop_now
from community.insight.report import window_for
from community.insight.watch import Staff, Watched, watch
from community.insight.windows import day_of
from community.playbook import Playbook
from community.settings import load_settings
from tasks.messaging import logical_date
from tasks.reports import address_of_all, pages
from tasks.storage import bundle_in_force, connection


@task(name="watch", task_run_name="look at the figures", cache_policy=NO_CACHE, retries=2, timeout_seconds=600)
async def watch_figures(as_of: date | None, locale: str | None) -> Watched:
    """Hold the figures against the playbook's watches. What is new is told to staff, but for a day that is over."""
    async with connection() as conn:
        bundle, at = await bundle_in_force(conn), await sop_now(conn)
        today = day_of(await logical_date(conn), bundle.playbook.community.zone)
        day = as_of or today
        staff = _staff(bundle.playbook, day, locale) if day == today else None
        return await watch(conn, bundle, day, at, staff)


def _staff(playbook: Playbook, day: date, locale: str | None) -> Staff:
    settings, community = load_settings(), playbook.community
    asked = window_for("daily", day, community.zone)
    full = address_of_all("daily", asked.since, asked.until)
    return Staff(settings.bot_id, settings.reports_to, pages(), locale or community.locale, full)


def watch_words(seen: Watched) -> list[str]:
    """The outcome in short phrases."""
    report = seen.report
    phrases = [f"{len(report.findings)} found" if report.findings else "nothing found"]
    phrases += [f"{len(report.new)} new"] if report.new else []
    phrases += [f"{len(report.over)} over"] if report.over else []
    return phrases + (["posted"] if seen.posted else [])
