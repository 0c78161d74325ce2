"""The daily watch as a run: what the figures say."""

from datetime import date

from prefect import task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE

from community.database.installation import sop_now
from community.insight.report_pages import marked
from community.insight.said import Words
from community.insight.watch import Watched, address_of, rows_of, watch
from community.insight.windows import day_of
from community.settings import load_settings
from tasks.messaging import logical_date
from tasks.reports import pages
from tasks.storage import bundle_in_force, connection


@task(name="watch", task_run_name="look at the figures", cache_policy=NO_CACHE, retries=2, timeout_seconds=600)
async def watch_figures(as_of: date | None) -> Watched:
    """Hold the figures against the playbook's watches. What is new is told to staff, but for a day that is over."""
    async with connection() as conn:
        bundle, at = await bundle_in_force(conn), await sop_now(conn)
        community = bundle.playbook.community
        today = day_of(await logical_date(conn), community.zone)
        words = pages().words(community.locale, community.locale)
        return await watch(conn, bundle, as_of or today, words, at, tell=as_of is None or as_of == today)


@task(name="report", task_run_name="report on the watch", cache_policy=NO_CACHE, retries=2)
async def report_watch(seen: Watched) -> None:
    """Write what was found, what it is held against and what helps; then what is over."""
    async with connection() as conn:
        community = (await bundle_in_force(conn)).playbook.community
    words = pages().words(community.locale, community.locale)
    text = watch_report(seen, words, community.zone, load_settings().dashboard_url)
    await acreate_markdown_artifact(text, key="daily-watch", description="What is not as it should be, and what helps")


def watch_report(seen: Watched, words: Words, zone: str, dashboard: str | None = None) -> str:
    """What a look found, as Markdown; with how the rows behind it are listed, and where, if anywhere."""
    new = {each.subject for each in seen.new}
    parts = [f"# {words['watch']} · {words.day(seen.day, zone)}"]
    parts += [] if seen.found else [words["no_findings"]]
    for each in seen.found:
        said = marked(words.finding(each, seen.labels, zone))
        sign = "🆕 " if each.subject in new else ""
        there = f" [{words['rows_title']}]({address_of(each, dashboard)})" if dashboard else ""
        parts.append(f"- {sign}{said} **{marked(words.remedy(each))}** `{rows_of(each).replace('`', '')}`{there}")
    if seen.over:
        parts.append(f"## {words['over']}")
        parts += [f"- {marked(words.finding(each, seen.labels, zone))}" for each in seen.over]
    return "\n\n".join(parts)


def watch_words(seen: Watched) -> list[str]:
    """The outcome in short phrases."""
    phrases = [f"{len(seen.found)} found" if seen.found else "nothing found"]
    phrases += [f"{len(seen.new)} new"] if seen.new else []
    return phrases + ([f"{len(seen.over)} over"] if seen.over else [])
