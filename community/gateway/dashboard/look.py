"""A look at a page: who asks for what, of which community, in which language; and how its figures are put."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from community.bundle import Bundle
from community.database.pool import Connection
from community.database.queries import load
from community.gateway.dashboard.asked import Asked
from community.insight.values import Value
from community.insight.windows import Span, Window, start_of
from community.kpis import KPIS
from community.moments import day_text, moment_text

queries = load(__file__, "pages.sql")

Context = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """What a page may use. `at`: SOP time."""

    conn: Connection
    bundle: Bundle
    bot_id: int
    asked: Asked
    at: datetime
    locale: str
    words: Mapping[str, str]
    path: Mapping[str, str]
    """What the address names, such as the KPI."""
    given: Mapping[str, str]
    """What else the address says."""

    def moment(self, at: datetime) -> str:
        """A moment as staff read it."""
        return moment_text(at, self.asked.zone, self.locale)

    def window(self, asked: Window) -> str:
        """What a window is called: its day, its first and last, or its month."""
        if asked.span is Span.month:
            return f"{asked.since:%Y-%m}"
        first, last = (self.day(day) for day in (asked.since, asked.until - timedelta(days=1)))
        return first if first == last else f"{first} – {last}"

    def day(self, day: date) -> str:
        """A day; of another year, with it."""
        text = day_text(start_of(day, self.asked.zone), self.asked.zone, self.locale)
        if day.year == self.asked.today.year:
            return text
        return f"{day.year}年{text}" if self.locale.startswith("zh") else f"{text} {day.year}"

    def kpi(self, name: str) -> str:
        """What a KPI is called."""
        return self.words.get(f"kpi_{name}", name.replace("_", " "))

    def word(self, kind: str, name: str) -> str:
        """What that kind of thing is called (`<kind>_<name>` in words.yaml); the name itself without a word."""
        return self.words.get(f"{kind}_{name}", name)

    def kpi_address(self, name: str, **changes: Any) -> str:
        """Where its drill-down is."""
        return self.asked.address(f"/dashboard/kpi/{name}", **changes)

    async def all(self, query: Any, **values: Any) -> list[dict[str, Any]]:
        """The rows of a statement."""
        return await (await self.conn.execute(query, values)).fetchall()

    async def begun(self) -> date:
        """The first window of which anything is counted: what was before is not known, and not nothing."""
        (row,) = await self.all(queries.begun, kpis=list(KPIS), span=self.asked.span)
        return row["since"] or date.max

    async def values(self, kpis: list[str], span: Span, since: date, until: date) -> "Series":
        """What is counted of these KPIs, of the group or source asked for: KPI → currency → first day → value."""
        rows = await self.all(
            queries.counted, kpis=kpis, span=span, since=since, until=until, group_id=self.asked.group_id,
            source=self.asked.source,
        )  # fmt: skip
        found: Series = {}
        for row in rows:
            value = Value(**row)
            found.setdefault(value.kpi, {}).setdefault(value.currency, {})[value.since] = value
        return found


Series = dict[str, dict[str, dict[date, Value]]]
Show = Callable[[Look], Awaitable[Context]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the dashboard: its name is that of its template, and of its label in words.yaml (`page_<name>`)."""

    name: str
    show: Show
    filters: frozenset[str] = frozenset({"dates", "span", "group", "source"})
    """Which of the filters mean something here."""

    @property
    def path(self) -> str:
        """Its address."""
        return "/dashboard" if self.name == "board" else f"/dashboard/{self.name}"
