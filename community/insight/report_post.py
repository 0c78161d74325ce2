"""The short post of a report to the operations chat: its headline, what is notable, and a picture of two charts."""

from datetime import datetime
from typing import Any

from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.insight.charts import chinese_font, png
from community.insight.figures import Report
from community.insight.report_charts import POSTED, charts_of
from community.insight.report_pages import ReportPages
from community.insight.said import Words
from community.outbox.enqueue import Draft, enqueue
from community.outbox.pictures import keep
from community.playbook_stages import MessageClass

STAGE = "report"
HEADLINE = {
    "weekly": ("new_members", "active", "new_payers", "revenue", "mrr", "engaged_24h", "sla_met"),
    "monthly": ("mrr", "arpu", "renewal", "churn", "ltv", "new_members", "active"),
}
NOTABLE = 3
LONGEST = 900
"""Characters of its lines together, so that the caption of a picture holds them."""


async def post(conn: Connection, bundle: Bundle, bot_id: int, chat_id: int, report: Report, pages: ReportPages,
               locale: str, at: datetime, full: str) -> bool:  # fmt: skip
    """Put the post into the outbox, once for each report; False: it is there already. `full`: where all of it is."""
    words = pages.words(locale, report.locale)
    picture = drawn(report, pages, locale)
    context: dict[str, Any] = {"locale": locale, "report": told(report, words, full)}
    async with transaction(conn):
        if picture:
            context["picture"] = await keep(conn, picture, at)
        draft = Draft(
            chat_id=chat_id,
            stage=STAGE,
            step=report.kind,
            occurrence=report.since.isoformat(),
            message_class=MessageClass.support,
            due_at=at,
            method="sendPhoto" if picture else "sendMessage",
            template="staff/report",
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
        for name in HEADLINE[report.kind]
        if (figure := report.figure(name)) and figure.number is not None
    ]
    notable = [words.notable(report, each) for each in report.notable[:NOTABLE]] or [words["nothing_notable"]]
    findings = [words.finding(each, report.labels, report.zone) for each in report.findings]
    room = LONGEST - len(report.community) - len(full)
    lists = {"numbers": numbers, "notable": notable, "findings": findings}
    kept: dict[str, list[str]] = {}
    for name, lines in lists.items():
        kept[name] = []
        for line in lines:
            if (room := room - len(line) - 2) > 0:
                kept[name].append(line)
    left = sum(len(lines) - len(kept[name]) for name, lines in lists.items())
    return {"kind": report.kind, "title": words.title(report), "more": left, "full": full, **kept}


def _changed(change: str) -> str:
    return f" ({change})" if change else ""
