"""Reports as runs: made of what is counted, kept, shown as an artifact, posted to the operations chat."""

from datetime import date
from enum import StrEnum

from prefect import task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from community.database.installation import sop_now
from community.insight.figures import Kind, Report
from community.insight.report import make, store, window_for
from community.insight.report_pages import ReportPages
from community.insight.report_post import drawn, post
from community.insight.windows import day_of
from community.settings import load_settings
from tasks.messaging import logical_date
from tasks.reporting import name_run
from tasks.storage import bundle_in_force, connection
from tasks.words import count

KEYS: dict[Kind, str] = {"daily": "daily-watch", "weekly": "weekly-report", "monthly": "monthly-report"}
"""Of their artifacts."""
HEADLINE = {
    "weekly": ("new_members", "active", "new_payers", "revenue"),
    "monthly": ("mrr", "paying", "new_members", "active"),
}


class Language(StrEnum):
    """In which language a report is shown and posted."""

    zh_hans = "zh-Hans"
    zh_hant = "zh-Hant"
    en = "en"


async def report_of(kind: Kind, as_of: date | None, locale: Language | None, *, forced: bool) -> State[None]:
    """Make a report, keep it, show it, post it if it is about the window just ended or that was asked for."""
    report = await make_report(kind, as_of)
    language = locale.value if locale else report.locale
    await show_report(report, language)
    posted = await post_report(report, language) if forced or await _is_newest(report) else ""
    outcome = [*headline(report), *([posted] if posted else [])]
    await name_run(f"{kind}-{'report' if kind == 'weekly' else 'review'}", str(report.since), *outcome)
    return Completed(message=f"{report.since} to {report.last}: {', '.join(outcome)}")


@task(name="make", task_run_name="make the {kind} report", cache_policy=NO_CACHE, retries=2, timeout_seconds=600)
async def make_report(kind: Kind, as_of: date | None) -> Report:
    """Count the last whole week or month before `as_of` anew, put its report together, and keep it."""
    async with connection() as conn:
        bundle, at = await bundle_in_force(conn), await sop_now(conn)
        zone = bundle.playbook.community.zone
        day = as_of or day_of(await logical_date(conn), zone)
        report = await make(conn, bundle, kind, window_for(kind, day, zone), at)
        await store(conn, report)
    return report


@task(name="show", task_run_name="show the {report.kind} report", cache_policy=NO_CACHE, retries=2)
async def show_report(report: Report, locale: str) -> None:
    """Write the report as the run's artifact: its tables, the trends, and its charts as pictures."""
    text = pages().markdown(report, locale, drawn(report, pages(), locale))
    await acreate_markdown_artifact(text, key=KEYS[report.kind], description=_title(report, locale))


@task(name="post", task_run_name="post the {report.kind} report", cache_policy=NO_CACHE, retries=2)
async def post_report(report: Report, locale: str) -> str:
    """Put its short post into the outbox, once for each report; what came of it, in words."""
    settings = load_settings()
    if settings.reports_to is None:
        return "not posted: no staff chat"
    async with connection() as conn:
        bundle, at = await bundle_in_force(conn), await sop_now(conn)
        full = address_of_all(report.kind, report.since, report.until)
        new = await post(conn, bundle, settings.bot_id, settings.reports_to, report, pages(), locale, at, full)
    return "posted" if new else "posted before"


def pages() -> ReportPages:
    """The templates of this installation."""
    settings = load_settings()
    return ReportPages(settings.playbook_dir, settings.dashboard_url)


def address_of_all(kind: Kind, since: date, until: date) -> str:
    """Where all of a report is: on the dashboard, else what shows it on the server."""
    here = load_settings().dashboard_url
    return f"{here}/reports/{kind}/{since}" if here else f"sop report {kind} --as-of {until}"


def headline(report: Report) -> list[str]:
    """The outcome in short phrases."""
    words = pages().words("en", "en")
    found = report.figures(HEADLINE[report.kind])
    numbers = [f"{words.figure(figure)} {words.name(report, figure).lower()}" for figure in found]
    return [*numbers, f"{len(report.notable)} notable", count(len(report.findings), "finding")]


async def _is_newest(report: Report) -> bool:
    """Whether it is about the window that ended last, as of this run."""
    async with connection() as conn:
        today = day_of(await logical_date(conn), report.zone)
    return report.since == window_for(report.kind, today, report.zone).since


def _title(report: Report, locale: str) -> str:
    return pages().words(locale, report.locale).title(report)
