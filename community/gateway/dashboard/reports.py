"""The reports that are kept: which there are, each as a page of its own and as a workbook."""

import asyncio
import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from community.gateway.dashboard.look import Context, Look
from community.gateway.dashboard.written import UNREADABLE
from community.insight.entrance import PATH
from community.insight.figures import SPANS, Kind, Report
from community.insight.report import kept, stored
from community.insight.windows import window
from community.page_templates import SHIPPED

if TYPE_CHECKING:
    from community.insight.report_pages import ReportPages

MOST = 60
"""Of each kind; more than a year of weeks."""

Made = TypeVar("Made", str, bytes)

log = logging.getLogger(__name__)


async def show(look: Look) -> Context:
    """By their kinds, the newest first."""
    found = await kept(look.conn, MOST)
    of = {kind: [_report(look, each) for each in found if each["kind"] == kind] for kind in SPANS}
    kinds = [
        {"title": look.words.get(kind, kind), "reports": reports, "most": MOST if len(reports) == MOST else 0}
        for kind, reports in of.items()
        if reports
    ]
    return {"kinds": kinds}


def _report(look: Look, row: dict[str, Any]) -> dict[str, Any]:
    about = window(SPANS[row["kind"]], row["since"], look.asked.zone)
    address = f"{PATH}/reports/{row['kind']}/{row['since']}"
    return {
        "about": look.window(about),
        "made": look.moment(row["made_at"]),
        "address": address,
        "workbook": f"{address}.xlsx",
    }


async def asked_for(look: Look) -> Report | None:
    """The report that the address names, as it was kept; None: there is none."""
    try:
        since = date.fromisoformat(look.path["since"])
    except ValueError:
        return None
    kinds: list[Kind] = [kind for kind in SPANS if kind == look.path["kind"]]
    return await stored(look.conn, kinds[0], since) if kinds else None


async def as_page(report: Report, locale: str, folder: Path) -> str:
    """The report as a page, whose numbers lead to the dashboard it is opened from."""
    return await asyncio.to_thread(_in_words, folder, lambda pages: pages.html(report, locale))


async def as_workbook(report: Report, locale: str, folder: Path) -> bytes:
    """The report as a workbook."""

    def made(pages: "ReportPages") -> bytes:
        from community.insight.sheets import workbook

        return workbook(report, pages.words(locale, report.locale))

    return await asyncio.to_thread(_in_words, folder, made)


def _in_words(folder: Path, make: Callable[["ReportPages"], Made]) -> Made:
    """In the operator's templates, and in those shipped where these cannot be read.

    What draws charts takes a second and 30 MB to load: a service where nobody opens a report does without.
    """
    from community.insight.report_pages import ReportPages

    try:
        return make(ReportPages(folder, PATH))
    except UNREADABLE as error:
        log.warning("dashboard: a report is shown as shipped: %s", error)
        return make(ReportPages(SHIPPED.parent, PATH))
