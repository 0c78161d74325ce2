"""Weeks of figures for tests of reports, put where counting puts them."""

from datetime import date, timedelta
from typing import Any

import pytest

from community.database.pool import Connection
from community.insight import report
from community.insight.windows import Span

MONDAY = date(2026, 3, 9)
"""The week that the tests' reports are about: 9 to 15 March."""


async def insert(conn: Connection, table: str, **row: Any) -> None:
    """A row as it is, of whatever table."""
    columns, places = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    await conn.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", row)  # type: ignore[arg-type]


async def put(conn: Connection, kpi: str, since: date, span: Span = Span.week, **of: Any) -> None:
    """A counted value: hits, base, minor, currency, part, group_id, source, middle_s, high_s."""
    await insert(conn, "kpi_values", kpi=kpi, span=span.value, since=since, **of)


async def weeks(conn: Connection, kpi: str, values: list[dict[str, Any]], last: date = MONDAY, **of: Any) -> None:
    """Values of the weeks up to `last`, the newest at the end."""
    for back, value in enumerate(reversed(values)):
        await put(conn, kpi, last - timedelta(weeks=back), **value, **of)


def hits(*numbers: int) -> list[dict[str, Any]]:
    """Numbers of weeks."""
    return [{"hits": number, "base": number} for number in numbers]


def shares(*pairs: tuple[int, int]) -> list[dict[str, Any]]:
    """Shares of weeks: so many of so many."""
    return [{"hits": some, "base": base} for some, base in pairs]


def money(*amounts: tuple[int, int]) -> list[dict[str, Any]]:
    """Sums of weeks, in fen, of so many payments."""
    return [{"minor": minor, "hits": of, "base": of, "currency": "CNY"} for minor, of in amounts]


async def busy_week(conn: Connection) -> None:
    """A week like any other, with something to say in each section."""
    ago = timedelta(weeks=1)
    await weeks(conn, "new_members", hits(80, 92, 100, 97, 110, 103, 95, 99, 104, 98, 101, 160))
    await weeks(conn, "leaves", hits(9, 8, 12, 10, 9, 11, 10, 12, 9, 10, 11, 12))
    await weeks(conn, "first_day", shares((45, 99), (44, 101), (44, 160)))
    await weeks(conn, "first_week", shares((60, 99), (61, 101), (92, 160)))
    await weeks(conn, "active", hits(400, 410, 405))
    await weeks(conn, "active_rate", shares((400, 900), (410, 950), (405, 1000)))
    await weeks(conn, "speaking_rate", shares((90, 900), (100, 950), (101, 1000)))
    await weeks(conn, "messages", [{"minor": number} for number in (2000, 1900, 5000)])
    await weeks(conn, "live_to_paid", shares((6, 120), (8, 140)))
    await weeks(conn, "live_to_paid", shares((8, 140)), part="1")
    await weeks(conn, "revenue", money((120_000, 12), (99_000, 10)))
    await weeks(conn, "new_payers", hits(5, 6))
    await weeks(conn, "free_to_paid", shares((5, 880), (6, 920)))
    await weeks(conn, "trial_to_paid", shares((3, 12), (2, 9)))
    await weeks(conn, "mrr", money((500_000, 50), (520_000, 52)))
    for part, minor in {"new": 40_000, "expansion": 5_000, "contraction": -5_000, "churn": -20_000}.items():
        await weeks(conn, "mrr_movements", money((minor, 3), (minor, 3)), part=part)
    await weeks(conn, "renewal", shares((20, 25), (22, 26)), part="month")
    for step, (engaged, of) in {"day_1": (60, 100), "day_2": (30, 90)}.items():
        await put(conn, "accepted", MONDAY, part=f"welcome_drip/{step}", hits=of, base=of)
        await put(conn, "engaged_24h", MONDAY, part=f"welcome_drip/{step}", hits=engaged, base=of)
    await put(conn, "engaged_24h", MONDAY, hits=90, base=190)
    await put(conn, "engaged_24h", MONDAY - ago, hits=80, base=180)
    await put(conn, "first_response", MONDAY, hits=9, base=10, middle_s=1200.0, high_s=5400.0)
    await put(conn, "sla_met", MONDAY, hits=30, base=40)
    for source, number in {"notes": 90, "=cmd|'/c calc'!A1": 60, "unknown": 10}.items():
        await put(conn, "new_members", MONDAY, source=source, hits=number, base=number)
    await put(conn, "new_payers", MONDAY, source="notes", hits=4, base=4)
    await put(conn, "revenue", MONDAY, source="notes", hits=4, base=4, minor=40_000, currency="CNY")
    await put(conn, "ad_spend", MONDAY, source="notes", hits=7, base=7, minor=20_000, currency="CNY")
    await put(conn, "cac", MONDAY, source="notes", hits=4, base=4, minor=20_000, currency="CNY")


@pytest.fixture
def counted_already(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test put there stands for what counting would find."""

    async def nothing(*_: Any) -> None:
        return None

    monkeypatch.setattr(report, "count_window", nothing)
