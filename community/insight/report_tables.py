"""The sections of a report: which figures belong together, and the tables beneath them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from community.database.pool import Connection
from community.database.queries import load
from community.insight.chance import interval
from community.insight.counted_figures import Counted
from community.insight.definitions import fragments, money_queries
from community.insight.diagnosis import Finding
from community.insight.figures import Cell, Column, Figure, Kind, Section, Table
from community.insight.report_feedback import feedback
from community.insight.report_learning import learning
from community.insight.report_operations import incidents, load_of_operators
from community.insight.values import SMALL, Value, by, quotient, together
from community.insight.windows import Span, Window
from community.kpis import DERIVED, KPIS
from community.playbook import Playbook

queries = load(__file__, "report.sql")

WEEKLY: dict[str, tuple[str, ...]] = {
    "growth": (
        "new_members", "joins", "members", "entry_rate", "first_day", "first_week", "three_items", "told_interest",
        "retention_7", "retention_30", "leaves", "leave_rate", "invite_conversion",
    ),
    "activity": ("active", "active_rate", "speakers", "speaking_rate", "messages", "koc_share"),
    "lives": ("live_to_paid",),
    "payments": (
        "revenue", "refunds", "average_order", "new_payers", "paying", "free_to_paid", "trial_to_paid", "coupon_use",
        "coupon_orders", "ad_spend", "cac",
    ),
    "recurring": ("mrr", "churn", "renewal", "arpu"),
    "outreach": ("accepted", "engaged_24h", "click_through", "block_rate", "reach_loss", "on_time", "delivery_delay"),
    "service": ("first_response", "sla_met", "automation_solved", "callback_success"),
    "feedback": (), "learning": (), "incidents": (), "load": (),
}  # fmt: skip
DAILY: dict[str, tuple[str, ...]] = {
    "growth": ("new_members", "joins", "leaves"),
    "activity": ("active", "speakers", "messages"),
    "lives": ("live_to_paid",),
    "payments": ("revenue", "refunds", "new_payers", "coupon_orders"),
    "outreach": ("accepted", "engaged_24h", "click_through", "block_rate", "on_time", "delivery_delay"),
    "service": ("first_response", "sla_met", "callback_success"),
    "incidents": (),
}
MONTHLY: dict[str, tuple[str, ...]] = {
    "money": ("mrr", "arpu", "renewal", "churn", "ltv", "revenue", "refunds", "average_order", "paying"),
    "mix": (),
    "growth": ("new_members", "retention_30", "leaves", "leave_rate", "invite_conversion"),
    "activity": ("active", "active_rate", "speaking_rate", "koc_share"),
    "conversion": ("new_payers", "free_to_paid", "trial_to_paid", "live_to_paid", "coupon_use"),
    "channels": ("ad_spend", "cac", "payback_months"),
    "content": ("engaged_24h", "click_through", "block_rate"),
}
SECTIONS: dict[Kind, dict[str, tuple[str, ...]]] = {"daily": DAILY, "weekly": WEEKLY, "monthly": MONTHLY}
BY_PART = {"recurring": ("mrr_movements", "renewal"), "money": ("mrr_movements", "renewal")}
"""Figures that a section shows of each part as well."""
OF_STAGE = ("accepted", "engaged_24h", "click_through", "block_rate", "reach_loss", "on_time")
TOP = 3
MOST_ROWS = 20


@dataclass(frozen=True, slots=True)
class Facts:
    """What sections are made of."""

    conn: Connection
    playbook: Playbook
    asked: Window
    counted: Counted

    async def rows(self, query: LiteralString, **values: Any) -> list[dict[str, Any]]:
        """The rows of a statement over the window."""
        asked = self.asked
        of = {"since": asked.since_at, "until": asked.until_at, "since_day": asked.since, "until_day": asked.until}
        return await (await self.conn.execute(query, {**of, **values})).fetchall()


async def sections(facts: Facts, kind: Kind) -> list[Section]:
    """All sections of that kind of report, in their order."""
    names = SECTIONS[kind].items()
    return [Section(name, _figures(facts, name, kpis), await _tables(facts, name)) for name, kpis in names]


def _figures(facts: Facts, section: str, names: Sequence[str]) -> list[Figure]:
    found = [f for name in names if name in KPIS or name in DERIVED for f in facts.counted.figures(name)]
    by_part = [f for name in BY_PART.get(section, ()) for f in facts.counted.figures(name, parts=True)]
    return found + by_part


async def _tables(facts: Facts, section: str) -> list[Table]:
    makers = {
        "growth": _sources,
        "activity": _groups,
        "lives": _lives,
        "payments": _channels,
        "channels": _channels,
        "outreach": _stages,
        "content": _content,
        "feedback": feedback,
        "learning": learning,
        "incidents": incidents,
        "load": load_of_operators,
        "mix": _mix,
    }
    return await makers[section](facts) if section in makers else []


async def _sources(facts: Facts) -> list[Table]:
    kpis = ("new_members", "first_week", "retention_7")
    return [await _by(facts, "sources", "source", kpis)]


async def _groups(facts: Facts) -> list[Table]:
    return [await _by(facts, "groups", "group", ("active_rate", "speaking_rate", "new_members", "leaves"))]


async def _by(facts: Facts, name: str, of: Any, kpis: Sequence[str]) -> Table:
    """KPIs side by side, by source or group; those with most of the first one on top."""
    dimension = "group_id" if of == "group" else of
    found: dict[str, dict[str, Value]] = {}
    for kpi in kpis:
        for value in await by(facts.conn, kpi, facts.asked, dimension):
            found.setdefault(str(getattr(value, dimension)), {})[kpi] = value
    first = kpis[0]
    keys = sorted(found, key=lambda key: (-_weight(found[key].get(first)), key))
    shown = keys[:MOST_ROWS]
    values = [[found[key].get(kpi) for kpi in kpis] for key in shown]
    return Table(
        name,
        [Column(of, "part"), *(Column(kpi, KPIS[kpi].unit, kpi) for kpi in kpis)],  # type: ignore[arg-type]
        [[f"{of}:{key}", *map(_cell, row)] for key, row in zip(shown, values, strict=True)],
        keys=shown,
        of=of,
        small=_smalls(values),
        more=len(keys) - len(shown),
    )


async def _lives(facts: Facts) -> list[Table]:
    """Sessions of the window, and those whose offer closed in it."""
    closed = {part: value for part, value in _parts(facts, "live_to_paid").items() if value.base}
    ids = [int(part) for part in closed if part.isascii() and part.isdecimal()]
    held = {str(row["id"]): row for row in await facts.rows(queries.sessions, ids=ids)}
    keys = [*held, *(part for part in closed if part not in held)]
    columns = [
        Column("live", "part"),
        Column("starts", "moment"),
        Column("registered", "number", listed="lives", of="registered"),
        Column("viewers", "number", listed="lives", of="watched"),
        Column("bought", "number", "live_to_paid"),
        Column("live_to_paid", "share", "live_to_paid"),
    ]
    rows: list[list[Cell]] = []
    for key in keys:
        session, value = held.get(key), closed.get(key)
        own: list[Cell] = [None, None, value.base if value else None]
        if session:
            own = [session["starts_at"].isoformat(), session["registered"], session["viewers"]]
        rows.append([f"live:{key}", *own, value.hits if value else None, _cell(value)])
    marks = [(at, 5) for at, key in enumerate(keys) if key in closed and closed[key].small]
    return [Table("lives", columns, rows, keys=keys, of="part", small=marks)]


async def _channels(facts: Facts) -> list[Table]:
    """By source: whom it brought (once, however many currencies), what they paid, what it cost, what came of that.

    Of a month also after how many a payer has brought what they cost.
    """
    money, monthly = ("revenue", "ad_spend", "cac"), facts.asked.span is Span.month
    values = [
        value for kpi in ("new_payers", "arpu", *money) for value in await by(facts.conn, kpi, facts.asked, "source")
    ]
    of = {(value.kpi, value.source, value.currency): value for value in values}
    payers = {value.source: value.hits for value in values if value.kpi == "new_payers"}
    sources = sorted({(value.source, value.currency) for value in values if value.kpi in money})
    sources += [(source, "") for source in sorted(payers) if source not in dict(sources)]
    columns = [Column("source", "part"), Column("new_payers", "number", "new_payers"),
               *(Column(kpi, "money", kpi) for kpi in money), Column("returned", "share"),
               *([Column("payback_months", "ratio")] if monthly else [])]  # fmt: skip
    rows: list[list[Cell]] = []
    for at, (source, currency) in enumerate(sources):
        people = None if at and sources[at - 1][0] == source else payers.get(source, 0)
        amounts = [of.get((kpi, source, currency)) for kpi in money]
        back = [quotient(amounts[2], of.get(("arpu", source, currency)))] if monthly else []
        rows.append([f"source:{source}", people, *map(_cell, amounts), _returned(amounts[0], amounts[1]), *back])
    currencies, keys = [currency for _, currency in sources], [source for source, _ in sources]
    return [Table("channels", columns, rows, currencies, keys, "source")]


def _returned(revenue: Value | None, spent: Value | None) -> float | None:
    """What came back of what was spent, less that: nothing is -100 %."""
    return ((revenue.minor if revenue else 0) - spent.minor) / spent.minor if spent and spent.minor else None


async def _stages(facts: Facts) -> list[Table]:
    """Outreach by stage: of its steps together."""
    kpis = [kpi for kpi in OF_STAGE if kpi in KPIS]
    found = {kpi: _by_stage(facts, kpi) for kpi in kpis}
    stages = sorted({stage for values in found.values() for stage in values})
    values = [[found[kpi].get(stage) for kpi in kpis] for stage in stages]
    columns = [Column("stage", "part"), *(Column(kpi, KPIS[kpi].unit, kpi) for kpi in kpis)]  # type: ignore[arg-type]
    rows = [[f"stage:{stage}", *map(_cell, row)] for stage, row in zip(stages, values, strict=True)]
    return [Table("stages", columns, rows, keys=stages, of="stage", small=_smalls(values))]


def _by_stage(facts: Facts, kpi: str) -> dict[str, Value]:
    steps: dict[str, list[Value]] = {}
    for part, value in _parts(facts, kpi).items():
        steps.setdefault(part.partition("/")[0], []).append(value)
    return {stage: together(values) for stage, values in steps.items()}


async def _content(facts: Facts) -> list[Table]:
    """The steps that engaged best; by what their share is at least, so that luck with few does not win."""
    engaged, clicks = _parts(facts, "engaged_24h"), _parts(facts, "click_through")
    enough = {part: value for part, value in engaged.items() if value.base >= SMALL}
    best = sorted(enough, key=lambda part: interval(enough[part].hits, enough[part].base)[0], reverse=True)[:TOP]
    kpis = ("engaged_24h", "click_through")
    columns = [Column("step", "part"), Column("of", "number"), *(Column(kpi, "share", kpi) for kpi in kpis)]
    rows: list[list[Cell]] = [
        [f"step:{part}", enough[part].base, enough[part].number, _cell(clicks.get(part))] for part in best
    ]
    return [Table("top_content", columns, rows, keys=best, of="part")]


async def _mix(facts: Facts) -> list[Table]:
    """Of who showed a sign: how many hold a paid term, a trial, nothing."""
    text = queries.fill("mix", shows=fragments.shows, paying=money_queries.paying)
    (row,) = await facts.rows(text, activity=list(facts.playbook.signs.activity))
    total = sum(row.values())
    rows: list[list[Cell]] = [[name, row[name], row[name] / total if total else None] for name in row]
    return [Table("mix", [Column("holds", "word"), Column("active", "number"), Column("part", "share")], rows)]


async def labels(facts: Facts, found: Sequence[Section], findings: Sequence[Finding]) -> dict[str, dict[str, str]]:
    """What plans, sessions and groups are called that the report names."""
    tables = [table for section in found for table in section.tables]
    keys = {str(row[0]) for table in tables for row in table.rows if table.columns[0].unit == "part"}
    return await titles(facts.conn, facts.playbook, findings, keys)


async def titles(
    conn: Connection, playbook: Playbook, findings: Sequence[Finding], keys: Iterable[str] = ()
) -> dict[str, dict[str, str]]:
    """What all plans are called, and the groups and sessions of findings and of these keys: by locale, or in any."""
    found = {f"plan:{key}": dict(plan.title) for key, plan in playbook.plans.items()}
    wanted = {*keys, *(f"group:{each.group_id}" for each in findings if each.group_id)}
    wanted |= {f"live:{each.part}" for each in findings if each.kpi == "live_to_paid" and each.part}
    for kind, query in (("live", queries.live_titles), ("group", queries.group_titles)):
        numbers = [key.partition(":")[2] for key in wanted if key.startswith(f"{kind}:")]
        ids = [int(number) for number in numbers if number.isascii() and number.isdecimal()]
        for row in await (await conn.execute(query, {"ids": ids})).fetchall() if ids else ():
            found[f"{kind}:{row['id']}"] = {"": row["title"]}
    return found


def _parts(facts: Facts, kpi: str) -> dict[str, Value]:
    """What is counted of each part in the window."""
    since = facts.asked.since
    return {
        part: series[since]
        for (name, part, _), series in facts.counted.series.items()
        if name == kpi and part and since in series
    }


def _weight(value: Value | None) -> int:
    return max(value.hits, value.base) if value else 0


def _cell(value: Value | None) -> Cell:
    return value.number if value else None


def _smalls(values: Sequence[Sequence[Value | None]]) -> list[tuple[int, int]]:
    return [
        (row, column + 1)
        for row, found in enumerate(values)
        for column, value in enumerate(found)
        if value and value.small
    ]
