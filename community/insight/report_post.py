"""The short post of a report to the operations chat, with a picture of two charts.

Of a week or month its headline and what is notable; of a day what was found that was not there before, and what helps.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.insight.addresses import rows_of
from community.insight.charts import chinese_font, png
from community.insight.figures import Kind, Report
from community.insight.report_charts import POSTED, charts_of
from community.insight.report_pages import ReportPages
from community.insight.said import Words
from community.outbox.enqueue import Draft, enqueue
from community.outbox.pictures import keep
from community.playbook_stages import MessageClass
from community.telegram_html import utf16_length

STAGE = "report"
COPY: dict[Kind, str] = {"daily": "staff/watch", "weekly": "staff/report", "monthly": "staff/report"}
HEADLINE: dict[Kind, tuple[str, ...]] = {
    "daily": ("new_members", "active", "revenue"),
    "weekly": ("new_members", "active", "new_payers", "revenue", "mrr", "engaged_24h", "sla_met"),
    "monthly": ("mrr", "arpu", "renewal", "churn", "ltv", "new_members", "active"),
}
NOTABLE = 3
LONGEST = 900
"""UTF-16 units of its title and lines together: the caption of a picture holds them, and its headings."""
BESIDE = 4
"""What stands around a line: a mark, a space, the end of the line."""


async def post(conn: Connection, bundle: Bundle, bot_id: int, chat_id: int, report: Report, pages: ReportPages,
               locale: str, at: datetime, full: str, look: int | None = None) -> bool:  # fmt: skip
    """Put the post into the outbox, once for each report, or look; False: it is there already.

    `full`: where all of it is. `look`: by which of a day's looks something new was found.
    """
    words = pages.words(locale, report.locale)
    picture = drawn(report, pages, locale)
    context: dict[str, Any] = {"locale": locale, "report": TELL[report.kind](report, words, full)}
    async with transaction(conn):
        if picture:
            context["picture"] = await keep(conn, picture, at)
        draft = Draft(
            chat_id=chat_id,
            stage=STAGE,
            step=report.kind,
            occurrence=f"{report.since}" + (f":{look}" if look else ""),
            message_class=MessageClass.support,
            due_at=at,
            method="sendPhoto" if picture else "sendMessage",
            template=COPY[report.kind],
            context=context,
        )
        return await enqueue(conn, bot_id, bundle.hash, [draft], at) == 1


def drawn(report: Report, pages: ReportPages, locale: str) -> bytes | None:
    """The picture; in English where no font here holds Chinese. None: there is nothing to draw."""
    words = pages.words(locale if chinese_font() else "en", report.locale if chinese_font() else "en")
    charts = charts_of(report, words)[:POSTED]
    return png(charts, words.title(report)) if charts else None


def told(report: Report, words: Words, full: str) -> dict[str, Any]:
    """What the post's copy is given: lines that are short enough together."""
    numbers = [
        f"{words.name(report, figure)}: {words.figure(figure)}{_changed(words.change(figure))}"
        for figure in report.figures(HEADLINE[report.kind])
    ]
    notable = [words.notable(report, each) for each in report.notable[:NOTABLE]] or [words["nothing_notable"]]
    findings = [words.finding(each, report.labels, report.zone) for each in report.findings]
    title = words.title(report)
    room = LONGEST - utf16_length(title) - utf16_length(full)
    lists = {"numbers": numbers, "notable": notable, "findings": findings}
    kept: dict[str, list[str]] = {}
    for name, lines in lists.items():
        kept[name] = []
        for line in lines:
            if (room := room - utf16_length(line) - BESIDE) >= 0:
                kept[name].append(line)
    left = sum(len(lines) - len(kept[name]) for name, lines in lists.items())
    return {"kind": report.kind, "title": title, "more": left, "full": full, **kept}


def told_of_day(report: Report, words: Words, full: str) -> dict[str, Any]:
    """What the post of a day's look is given: what is new, with what helps and how its rows are listed."""
    room = LONGEST - utf16_length(full) - utf16_length(title := words.title(report))
    found: list[dict[str, str]] = []
    for each in report.new_findings:
        line = {"what": words.finding(each, report.labels, report.zone), "next": words.remedy(each),
                "rows": rows_of(each)}  # fmt: skip
        if (room := room - sum(utf16_length(text) + BESIDE for text in line.values())) >= 0:
            found.append(line)
    numbers = []
    for figure in report.figures(HEADLINE["daily"]):
        line_of = f"{words.name(report, figure)}: {words.figure(figure)}{_changed(words.change(figure))}"
        if (room := room - utf16_length(line_of) - BESIDE) >= 0:
            numbers.append(line_of)
    left = len(report.new_findings) - len(found)
    lasting = len(report.findings) - len(report.new_findings)
    return {"title": title, "findings": found, "numbers": numbers, "more": left, "lasting": lasting, "full": full}


TELL: dict[Kind, Callable[[Report, Words, str], dict[str, Any]]] = {
    "daily": told_of_day,
    "weekly": told,
    "monthly": told,
}


def _changed(change: str) -> str:
    return f" ({change})" if change else ""
