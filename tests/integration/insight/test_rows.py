"""Behind each number its rows: counted by whoever reads them, they are the number, of all and of each dimension."""

from collections.abc import Iterable
from datetime import timedelta
from statistics import median
from typing import Any

import pytest

from community.access.grant import grant
from community.database.pool import Connection
from community.engagement.coupons import NewCoupon, issue
from community.insight import report_tables
from community.insight.cohorts import count_cohorts, rows_of_cell, triangle
from community.insight.feedback import quadrants, rows_of_quadrant
from community.insight.funnel import funnel, rows_of_step
from community.insight.listed import Listed, attended, listed
from community.insight.measuring import measured
from community.insight.values import Value, rows
from community.insight.windows import Span, window
from community.kpis import KPIS, Measure
from community.members.profile import tag
from tests.integration.conftest import MakeMember
from tests.integration.insight.kit import ZONE, count_days, did, groups, join, local, sent
from tests.integration.insight.money_kit import Shop, shop, spend
from tests.integration.insight.report_kit import insert
from tests.integration.rows import set_member

__all__ = ["shop"]

MARCH = window(Span.month, local("2026-03-01 00:00").date(), ZONE)


async def world(shop: Shop, member: MakeMember) -> None:
    """Twelve members of two groups and three sources, of whom each KPI has something to count in March."""
    conn = shop.conn
    await conn.execute(
        """INSERT INTO links (token, kind, source, created_at) VALUES
        ('k', 'entry', '{"utm_source": "kol", "partner": "Ann"}', now()),
        ('n', 'entry', '{"utm_source": "notes"}', now())"""
    )
    places = await groups(conn, 2)
    who = [await member(entered_at=local(f"2026-02-{10 + n} 10:00"), in_group=False) for n in range(12)]
    for n, each in enumerate(who):
        home = places[n % 2]
        await set_member(conn, each, link_token=("k", "n", None)[n % 3], left_at=None, home_group_id=home)
        await join(conn, each, home, f"2026-03-{n + 1:02} 10:00", left="2026-03-20 10:00" if n > 9 else None)
        await insert(
            conn, "join_requests", member_id=each, group_id=home, state="failed" if n % 4 else "passed",
            requested_at=local("2026-03-01 10:00"), decide_by_at=local("2026-03-02 10:00"),
            decided_at=local("2026-03-01 11:00"),
        )  # fmt: skip
        for at in ("2026-02-25 11:00", f"2026-03-{n + 1:02} 12:00", "2026-03-21 10:00")[: 1 + n % 3]:
            await did(conn, each, "message", at, group_id=home)
        await did(conn, each, "private", f"2026-03-{n + 3:02} 12:00")
        await _written_to(shop, each, n)
        await _paid(shop, each, n)
    for each in who[:7]:
        await set_member(conn, each, entered_at=local("2026-03-05 10:00"), first_seen_at=local("2026-03-05 09:00"))
        await tag(conn, each, "koc", local("2026-03-06 10:00"))
        await tag(conn, each, "interest:price", local("2026-03-06 10:00"))
        for link in "abc":
            await did(conn, each, "click", "2026-03-06 10:00", link=link)
    for number, source in enumerate(("notes", "kol", "radio")):
        await spend(conn, f"2026-03-{number + 1:02}", source, 10_000 * (number + 1))
    await spend(conn, "2026-03-01", "notes", 700, "USD")
    await count_days(conn, shop.bundle.playbook, MARCH)


async def _written_to(shop: Shop, who: int, n: int) -> None:
    conn, at = shop.conn, f"2026-03-{n + 5:02} 09:00"
    message = await sent(conn, who, at, step=f"day_{n % 2 + 1}", late_s=60 * n)
    await sent(conn, who, at, step="day_9", state="failed", reason="blocked")
    await did(conn, who, "blocked" if n % 3 else "click", f"2026-03-{n + 5:02} 11:00", message=message)
    asked = local(at)
    for kind in ("talk", "problem"):
        done = asked + timedelta(hours=n + 1) if n % 4 else None
        await insert(
            conn, "follow_ups", member_id=who, kind=kind, note="", created_at=asked, due_at=asked + timedelta(hours=6),
            done_at=done,
        )  # fmt: skip


async def _paid(shop: Shop, who: int, n: int) -> None:
    if n % 5 == 4:
        return
    conn = shop.conn
    live = await conn.execute(
        "INSERT INTO lives (title, url, announce_at, starts_at, ends_at, window_until_at, plan, created_at)"
        " VALUES ('AMA', 'https://example.org', %(at)s, %(at)s, %(at)s + interval '1 hour',"
        " %(at)s + interval '9 days', 'pack', %(at)s)"
        " RETURNING id",
        {"at": local("2026-03-10 20:00")},
    )
    [row] = await live.fetchall()
    await insert(conn, "live_attendances", live_id=row["id"], member_id=who, watched_at=local("2026-03-10 20:01"))
    if n % 2:
        await grant(
            conn, shop.bundle.playbook, who, "trial", local("2026-03-02 09:00"), source="coupon", by="test"
        )  # it ends a week later
        await issue(conn, shop.bundle.playbook, NewCoupon(code=f"COUPON{n}", offer=f"spring{n % 3}", percent=25),
                    local("2026-03-01 00:00"))  # fmt: skip
        await shop.buys(f"o{n}", who, "2026-03-11 10:00", coupon=f"COUPON{n}")
    else:
        await shop.pays(f"f{n}", who, "2026-02-17 10:00")  # ends 17 March
        await shop.pays(f"m{n}", who, "2026-03-12 10:00", *(("pack", "29 USD") if n % 4 else ()))
        await shop.buys(f"o{n}", who, "2026-03-13 10:00", "pack", currency="USD")
    if n % 3 == 0:
        await shop.returns(f"o{n}", "2026-03-20 10:00", 500)


def number(kpi: str, found: Iterable[dict[str, Any]]) -> float | None:
    """A KPI's number, by its rows alone."""
    lines = list(found)
    hits, base = ({row["key"] for row in lines if row["key"] is not None and want(row)} for want in (_hit, bool))
    minor = int(sum(row["minor"] or 0 for row in lines))
    match KPIS[kpi].measure:
        case Measure.number:
            return len(hits)
        case Measure.total | Measure.money:
            return minor
        case Measure.share:
            return len(hits) / len(base) if base else None
        case Measure.money_each:
            return minor / len(hits) if hits else None
        case Measure.seconds:
            return median(row["seconds"] for row in lines) if lines else None


def _hit(row: dict[str, Any]) -> bool:
    return bool(row["hit"])


@pytest.mark.parametrize("dimension", ["", "part", "group_id", "source"])
async def test_every_number_is_the_number_of_its_rows(dimension: str, shop: Shop, member: MakeMember) -> None:
    await world(shop, member)
    for kpi in KPIS:
        counted = await measured(shop.conn, shop.bundle.playbook, kpi, MARCH)
        found = [value for value in counted if _dimension(value) == dimension]
        has_none = (dimension == "part" and not KPIS[kpi].parts) or (dimension == "group_id" and kpi == "ad_spend")
        assert bool(found) is not has_none, kpi
        for value in found:
            of: dict[str, Any] = {dimension: getattr(value, dimension)} if dimension else {}
            behind = await rows(shop.conn, shop.bundle.playbook, kpi, MARCH, **of)
            of_money = [row for row in behind if (row["currency"] or "") == value.currency]
            counted_then = None if value.number is None else pytest.approx(float(value.number))
            assert number(kpi, of_money) == counted_then, (kpi, of)
            assert all(row[name] == wanted for row in behind for name, wanted in of.items()), (kpi, of)


# Numbers that are no KPI.


async def total(conn: Connection, of: Listed) -> int:
    """How much the rows stand for together; each page of them is another one."""
    every = await (await listed(conn, of, 10_000)).fetchall()
    pages = [await (await listed(conn, of, 3, offset)).fetchall() for offset in range(0, len(every) + 1, 3)]
    assert [row for page in pages for row in page] == every
    assert all(row["source"] for row in every if row["member_id"])
    return int(sum(row["number"] for row in every))


async def test_each_step_of_the_funnel_is_the_number_of_its_rows(shop: Shop, member: MakeMember) -> None:
    await world(shop, member)
    conn, playbook = shop.conn, shop.bundle.playbook
    await conn.execute("UPDATE ad_spend SET impressions = 1000, clicks = 40 WHERE source = 'notes'")
    for link in ("k", "n", "n", "n"):
        await did(conn, None, "click", "2026-03-07 10:00", link=link)
    found = await funnel(conn, playbook, MARCH)
    assert {each.source for each in found} == {"", "kol", "notes", "radio", "unknown"}
    assert all(found[0].steps.values()), "each step was taken by somebody"
    for each in found:
        for step, number in each.steps.items():
            assert await total(conn, rows_of_step(playbook, MARCH, step, each.source)) == (number or 0), (each, step)


async def test_each_quadrant_is_the_number_of_its_rows(shop: Shop, member: MakeMember) -> None:
    await world(shop, member)
    conn, playbook = shop.conn, shop.bundle.playbook
    who = [row["id"] for row in await (await conn.execute("SELECT id FROM members ORDER BY id")).fetchall()]
    for n, kind in enumerate(("complaint", "suggestion", "suggestion", "thanks", "silent_leaving")):
        await insert(
            conn, "follow_ups", member_id=who[n], kind=kind, note="", created_at=local("2026-03-17 10:00"),
            due_at=local("2026-03-18 10:00"), done_at=local(f"2026-03-{19 + 3 * n} 10:00"),
        )  # fmt: skip
    for n in (16, 18, 20):
        await did(conn, who[5], "message", f"2026-03-{n} 10:00")
    asked = window(Span.week, local("2026-03-16 00:00").date(), ZONE)
    await count_days(conn, playbook, asked)
    found = await quadrants(conn, playbook, asked)
    assert all(each.members for each in found.values())
    assert {each.done for each in found.values()} == {0, 1}
    for quadrant, count in found.items():
        for of, number in (("members", count.members), ("opened", count.opened), ("done", count.done)):
            rows_ = rows_of_quadrant(playbook, asked, quadrant, of)  # type: ignore[arg-type]
            assert await total(conn, rows_) == number, (quadrant, of)


async def test_who_came_to_a_session_is_the_number_of_its_rows(shop: Shop, member: MakeMember) -> None:
    await world(shop, member)
    conn = shop.conn
    await conn.execute("UPDATE live_attendances SET live_id = (SELECT min(id) FROM lives)")
    await conn.execute(
        "UPDATE live_attendances SET registered_at = watched_at - interval '1 day' WHERE member_id % 2 = 0"
    )
    await conn.execute("UPDATE live_attendances SET watched_at = NULL WHERE member_id % 4 = 0")
    asked = {"since": MARCH.since_at, "until": MARCH.until_at, "ids": []}
    sessions = await (await conn.execute(report_tables.queries.sessions, asked)).fetchall()
    assert (sessions[0]["registered"] > 1, sessions[0]["viewers"] > 1) == (True, True)
    for each in sessions:
        assert await total(conn, attended(each["id"], "registered")) == each["registered"]
        assert await total(conn, attended(each["id"], "watched")) == each["viewers"]


@pytest.mark.parametrize("source", ["", "notes"])
async def test_each_cell_of_the_cohorts_is_the_number_of_its_rows(source: str, shop: Shop, member: MakeMember) -> None:
    await world(shop, member)
    conn, activity = shop.conn, shop.bundle.playbook.signs.activity
    weeks = [window(Span.week, MARCH.since + timedelta(weeks=n), ZONE) for n in range(-2, 5)]
    for each in weeks:
        await count_cohorts(conn, each, activity)
    cohorts = await triangle(conn, weeks[0].since, weeks[-1].until, ZONE, source)
    assert len(cohorts) > 1
    for cohort in cohorts:
        for asked in (each for each in weeks if each.since >= cohort.entered):
            number = cohort.active.get((asked.since - cohort.entered).days // 7, 0)
            of = rows_of_cell(cohort.entered, asked, activity, source)
            assert await total(conn, of) == number, (cohort, asked)


def _dimension(value: Value) -> str:
    return next((name for name in ("part", "group_id", "source") if getattr(value, name)), "")
