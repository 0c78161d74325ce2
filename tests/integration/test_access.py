"""Terms: granted where the coverage ends, corrected, cancelled, revoked; of what is over nothing more is said."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from community.access.bring_in import ListedTerm, bring_in_terms
from community.access.coverage import follower, last_of_coverage
from community.access.grant import grant
from community.access.models import Term
from community.access.opening import Opened, grant_for_coupon
from community.access.terms import cancel, current, revoke, set_end, take_turns, terms_of
from community.database.pool import Connection, Pool, connect
from community.engagement.coupons import NewCoupon, issue
from community.engagement.redemptions import Refusal
from community.errors import AccessRefused, UnknownMember
from community.members.people import by_id
from community.playbook import Playbook
from community.playbook_types import parse_money
from community.privacy.personal import erase, export
from tests.integration.conftest import NOON, MakeMember
from tests.integration.rows import Edit

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
PAID = parse_money("199 CNY")
PLANS = {
    "month": {"title": {"en": "Month"}, "length": "1mo", "price": "199 CNY"},
    "year": {"title": {"en": "Year"}, "length": "1y", "price": "1999 CNY"},
    "trial_7": {"title": {"en": "Trial"}, "length": "7d", "trial": True},
    "life": {"title": {"en": "Life"}},
    "pack": {"title": {"en": "Pack"}, "line": "pack", "length": "3mo", "price": "19 USD"},
}
STAFF = {"source": "staff", "by": "ann"}


@pytest.fixture
def playbook(edited: Edit) -> Playbook:
    return edited(plans=PLANS).playbook


async def milestones(conn: Connection, member_id: int) -> set[str]:
    rows = await (await conn.execute("SELECT kind FROM milestones WHERE member_id = %s", [member_id])).fetchall()
    return {row["kind"] for row in rows}


async def reached(conn: Connection, member_id: int, kind: str) -> datetime:
    rows = await conn.execute("SELECT last_at FROM milestones WHERE member_id = %s AND kind = %s", [member_id, kind])
    row = await rows.fetchone()
    assert row is not None
    at: datetime = row["last_at"]
    return at


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Granting.


async def test_a_term_begins_now_and_ends_a_calendar_month_later(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    who = await member()
    term = await grant(conn, playbook, who, "month", NOON, **STAFF, note="by hand")
    assert (term.starts_at, term.ends_at, term.counted_from_at, term.changed_at) == (
        NOON, utc("2026-04-04T04:00"), NOON, NOON,
    )  # fmt: skip
    assert (term.plan, term.line, term.trial, term.source, term.granted_by, term.note) == (
        "month", "membership", False, "staff", "ann", "by hand",
    )  # fmt: skip
    assert (term.paid, term.cancelled_at, term.revoked_at) == (None, None, None)
    assert await terms_of(conn, who) == [term]


async def test_a_renewal_begins_where_the_former_ends_and_keeps_the_day_of_the_month(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    who, begun = await member(), utc("2026-01-31T04:00")
    first = await grant(conn, playbook, who, "month", begun, **STAFF)
    second = await grant(conn, playbook, who, "month", begun + 3 * DAY, **STAFF)
    third = await grant(conn, playbook, who, "month", begun + 4 * DAY, **STAFF)
    assert [t.ends_at for t in (first, second, third)] == [
        utc("2026-02-28T04:00"), utc("2026-03-31T04:00"), utc("2026-04-30T04:00"),
    ]  # fmt: skip
    assert (second.starts_at, third.starts_at) == (first.ends_at, second.ends_at)
    assert third.counted_from_at == begun
    assert await milestones(conn, who) == {f"over:{first.id}:2026-02-28", f"over:{second.id}:2026-03-31"}


async def test_who_comes_back_after_the_end_begins_anew(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    who = await member()
    long_ago = await grant(conn, playbook, who, "trial_7", NOON - 60 * DAY, **STAFF)
    lapsed = await grant(conn, playbook, who, "trial_7", NOON - 30 * DAY, **STAFF)
    assert await milestones(conn, who) == {f"over:{long_ago.id}:2026-01-10"}
    back = await grant(conn, playbook, who, "month", NOON, **STAFF)
    assert (back.starts_at, back.counted_from_at) == (NOON, NOON)
    assert await reached(conn, who, f"over:{lapsed.id}:2026-02-09") == NOON
    assert await reached(conn, who, f"over:{long_ago.id}:2026-01-10") == NOON - 30 * DAY


async def test_the_end_itself_is_not_covered(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    who = await member()
    first = await grant(conn, playbook, who, "month", NOON, **STAFF)
    assert first.ends_at is not None
    assert await current(conn, who, "membership", first.ends_at - SECOND) == first
    assert await current(conn, who, "membership", first.ends_at) is None
    assert (await grant(conn, playbook, who, "month", first.ends_at, **STAFF)).starts_at == first.ends_at


async def test_lines_are_independent(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    who, other = await member(), await member()
    await grant(conn, playbook, who, "year", NOON, **STAFF)
    pack = await grant(conn, playbook, who, "pack", NOON + DAY, **STAFF)
    theirs = await grant(conn, playbook, other, "year", NOON + DAY, **STAFF)
    assert (pack.starts_at, theirs.starts_at) == (NOON + DAY, NOON + DAY)
    assert await current(conn, who, "pack", NOON) is None
    assert await current(conn, who, "pack", NOON + DAY) == pack
    assert await milestones(conn, who) == set()


async def test_for_life_absorbs_what_comes_after(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    who = await member()
    month = await grant(conn, playbook, who, "month", NOON, **STAFF)
    life = await grant(conn, playbook, who, "life", NOON, **STAFF)
    assert (life.starts_at, life.ends_at) == (month.ends_at, None)
    assert await milestones(conn, who) == {f"over:{month.id}:2026-04-04"}
    assert await grant(conn, playbook, who, "year", NOON + DAY, source="stripe", by="stripe", paid=PAID) == life
    assert len(await terms_of(conn, who)) == 2
    assert {"purchase", "purchase:year"} <= await milestones(conn, who), "it was bought all the same"
    with pytest.raises(AccessRefused, match=r"covers the member for life; `sop access end` it first"):
        await grant(conn, playbook, who, "year", NOON, **STAFF, ends_at=NOON + 400 * DAY)


@pytest.mark.parametrize(
    ("plan", "how", "bought"),
    [
        ("month", {**STAFF}, False),
        ("month", {**STAFF, "paid": PAID}, True),
        ("month", {**STAFF, "paid": parse_money("0 CNY")}, False),
        ("month", {"source": "stripe", "by": "stripe"}, True),
        ("month", {"source": "coupon", "by": "CODE"}, False),
        ("trial_7", {"source": "stripe", "by": "stripe", "paid": PAID}, False),
    ],
)
async def test_what_counts_as_a_purchase(
    conn: Connection, playbook: Playbook, member: MakeMember, plan: str, how: dict[str, Any], bought: bool
) -> None:
    who = await member()
    term = await grant(conn, playbook, who, plan, NOON, **how)
    rows = await (await conn.execute("SELECT at, kind, member_id, data FROM events")).fetchall()
    event = {"at": NOON, "kind": "purchase", "member_id": who, "data": {"plan": plan, "term": term.id}}
    assert rows == ([event] if bought else [])
    assert await milestones(conn, who) == ({"purchase", f"purchase:{plan}"} if bought else set())
    assert term.paid == how.get("paid")


async def test_a_span_of_ones_own(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    who = await member()
    first = await grant(conn, playbook, who, "month", NOON, **STAFF, starts_at=NOON - 10 * DAY, ends_at=NOON + DAY)
    assert (first.starts_at, first.ends_at) == (NOON - 10 * DAY, NOON + DAY)
    until = await grant(conn, playbook, who, "month", NOON, **STAFF, ends_at=NOON + 9 * DAY)
    assert (until.starts_at, until.ends_at) == (NOON + DAY, NOON + 9 * DAY)
    later = await grant(conn, playbook, who, "month", NOON, **STAFF, starts_at=NOON + 20 * DAY)
    assert later.ends_at == utc("2026-04-24T04:00")
    assert await current(conn, who, "membership", NOON + 15 * DAY) is None


@pytest.mark.parametrize(
    ("plan", "span", "says"),
    [
        ("week", {}, "plan 'week': not in the playbook; known: life, month"),
        ("month", {"starts_at": NOON + DAY}, r"overlap term 1 \(month, 2026-03-04 04:00 UTC to 2026-04-04"),
        ("month", {"starts_at": NOON - 60 * DAY, "ends_at": NOON + SECOND}, "overlap term 1"),
        ("month", {"ends_at": NOON + DAY}, "give a later end"),
        ("pack", {"ends_at": NOON}, "give a later end"),
        ("pack", {"starts_at": datetime(9999, 12, 1, tzinfo=UTC)}, "after the year 9999"),
    ],
)
async def test_what_cannot_be_granted(
    conn: Connection, playbook: Playbook, member: MakeMember, plan: str, span: dict[str, Any], says: str
) -> None:
    who = await member()
    await grant(conn, playbook, who, "month", NOON, **STAFF)
    with pytest.raises(AccessRefused, match=says):
        await grant(conn, playbook, who, plan, NOON, **STAFF, **span)
    assert len(await terms_of(conn, who)) == 1


async def test_grants_at_once_follow_each_other(
    pool: Pool, conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    who = await member()

    async def one_more() -> Term:
        async with pool.connection() as mine:
            return await grant(mine, playbook, who, "month", NOON, **STAFF)

    await asyncio.gather(*(one_more() for _ in range(8)))
    terms = await terms_of(conn, who)
    assert all(former.ends_at == later.starts_at for former, later in pairwise(terms))
    assert terms[-1].ends_at == utc("2026-11-04T04:00")


# Correcting, cancelling, revoking.


async def test_an_end_is_corrected_and_who_did_it_is_kept(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    who = await member()
    term = await grant(conn, playbook, who, "month", NOON, **STAFF, note="paid by transfer")
    longer = await set_end(conn, term.id, NOON + 40 * DAY, NOON + HOUR, by="ben", note="two weeks of outage")
    assert (longer.ends_at, longer.changed_at) == (NOON + 40 * DAY, NOON + HOUR)
    assert longer.note == (
        "paid by transfer\n2026-03-04 05:00 UTC ben: 2026-04-04 04:00 UTC → 2026-04-13 04:00 UTC: two weeks of outage"
    )
    assert await reached(conn, who, f"over:{term.id}:2026-04-04") == NOON + HOUR
    assert await set_end(conn, term.id, NOON + 40 * DAY, NOON + DAY, by="ben", note="again") == longer
    renewed = await grant(conn, playbook, who, "month", NOON, **STAFF)
    assert (renewed.starts_at, renewed.counted_from_at) == (NOON + 40 * DAY, NOON + 40 * DAY)


async def test_within_a_day_the_end_is_the_same_to_what_is_said_of_it(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    who = await member()
    term = await grant(conn, playbook, who, "month", NOON, **STAFF)
    assert term.ends_at
    await set_end(conn, term.id, term.ends_at + HOUR, NOON, by="ben", note="")
    assert await milestones(conn, who) == set()
    for_life = await set_end(conn, term.id, None, NOON, by="ben", note="")
    assert for_life.ends_at is None
    assert await milestones(conn, who) == {f"over:{term.id}:2026-04-04"}
    assert (await set_end(conn, term.id, NOON + DAY, NOON, by="ben", note="")).ends_at == NOON + DAY


async def test_who_cancels_keeps_the_term_and_is_not_reminded(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    who = await member()
    term = await grant(conn, playbook, who, "month", NOON, **STAFF)
    done = await cancel(conn, term.id, NOON + HOUR, by="ben")
    assert (done.cancelled_at, done.ends_at, done.note) == (
        NOON + HOUR,
        term.ends_at,
        "2026-03-04 05:00 UTC ben: cancelled",
    )
    assert await current(conn, who, "membership", NOON + DAY) == done
    assert await milestones(conn, who) == {f"over:{term.id}:2026-04-04"}
    assert await cancel(conn, term.id, NOON + DAY, by="cara") == done
    assert (await grant(conn, playbook, who, "month", NOON + DAY, **STAFF)).starts_at == term.ends_at


async def test_a_revoked_term_ends_at_once(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    who = await member()
    term = await grant(conn, playbook, who, "month", NOON, **STAFF)
    done = await revoke(conn, term.id, NOON + HOUR, by="ben", note="refunded")
    assert (done.revoked_at, done.note) == (NOON + HOUR, "2026-03-04 05:00 UTC ben: revoked: refunded")
    assert await current(conn, who, "membership", NOON + HOUR) is None
    assert await milestones(conn, who) == {f"over:{term.id}:2026-04-04"}
    assert await revoke(conn, term.id, NOON + DAY, by="cara", note="") == done
    for verb in (cancel(conn, term.id, NOON, by="x"), set_end(conn, term.id, None, NOON, by="x", note="")):
        with pytest.raises(AccessRefused, match=r"revoked 2026-03-04 05:00 UTC; grant another"):
            await verb
    assert (await grant(conn, playbook, who, "month", NOON + DAY, **STAFF)).starts_at == NOON + DAY


async def test_an_end_that_is_one_again_counts_anew(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    """What was said to be over is reminded of again, when what followed is refunded before the end."""
    who = await member()
    first = await grant(conn, playbook, who, "month", NOON, **STAFF)
    second = await grant(conn, playbook, who, "month", NOON + HOUR, **STAFF)
    await revoke(conn, second.id, NOON + DAY, by="ben", note="refunded")
    (again, _) = await terms_of(conn, who)
    assert again.changed_at == NOON + DAY > await reached(conn, who, f"over:{first.id}:2026-04-04")
    third = await grant(conn, playbook, who, "month", NOON + 2 * DAY, **STAFF)
    fourth = await grant(conn, playbook, who, "month", NOON + 2 * DAY, **STAFF)
    await revoke(conn, fourth.id, NOON + 50 * DAY, by="ben", note="refunded")
    by_number = {term.id: term for term in await terms_of(conn, who)}
    assert by_number[first.id].changed_at == NOON + DAY, "another follows it"
    assert by_number[third.id].changed_at == NOON + 50 * DAY
    await revoke(conn, third.id, NOON + 50 * DAY, by="ben", note="refunded")
    assert {term.id: term for term in await terms_of(conn, who)}[first.id].changed_at == NOON + DAY, "it is past"


async def test_what_followed_a_revoked_term_moves_up_as_long_as_it_is(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    who = await member()
    trial = await grant(conn, playbook, who, "trial_7", NOON, **STAFF)
    first, second, third = [await grant(conn, playbook, who, "month", NOON, **STAFF) for _ in range(3)]
    later = await grant(conn, playbook, who, "month", NOON, **STAFF, starts_at=NOON + 400 * DAY)
    await revoke(conn, second.id, NOON + DAY, by="ben", note="refunded before it began")
    moved = {term.id: term for term in await terms_of(conn, who)}[third.id]
    assert (moved.starts_at, moved.changed_at) == (first.ends_at, NOON + DAY)
    assert first.ends_at
    assert moved.ends_at == first.ends_at + 31 * DAY == utc("2026-05-12T04:00")
    assert moved.note == f"2026-03-05 04:00 UTC: moved up, as term {second.id} was revoked"
    assert await reached(conn, who, f"over:{third.id}:2026-06-11") == NOON + DAY
    await revoke(conn, trial.id, NOON + DAY, by="ben", note="a mistake")
    terms = {term.id: term for term in await terms_of(conn, who)}
    assert terms[first.id].starts_at == NOON + DAY
    assert (terms[third.id].starts_at, terms[later.id]) == (terms[first.id].ends_at, later)
    await revoke(conn, first.id, NOON + 33 * DAY, by="ben", note="it was over")
    assert {term.id: term for term in await terms_of(conn, who)}[third.id] == terms[third.id]


async def test_what_moves_up_begins_after_whatever_else_covers_the_member(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    who = await member()
    ahead = await grant(conn, playbook, who, "month", NOON, **STAFF, starts_at=NOON + 9 * DAY)
    now = await grant(conn, playbook, who, "year", NOON, **STAFF)
    after = await grant(conn, playbook, who, "month", NOON, **STAFF)
    assert after.starts_at == now.ends_at
    await revoke(conn, now.id, NOON + 10 * DAY, by="ben", note="refunded")
    starts = {term.id: term.starts_at for term in await terms_of(conn, who)}
    assert (starts[ahead.id], starts[after.id]) == (ahead.starts_at, ahead.ends_at)


@pytest.mark.parametrize("verb", ["end", "cancel"])
async def test_only_the_last_of_those_that_follow_each_other_is_changed(
    conn: Connection, playbook: Playbook, member: MakeMember, verb: str
) -> None:
    who = await member()
    first = await grant(conn, playbook, who, "month", NOON, **STAFF)
    second = await grant(conn, playbook, who, "month", NOON, **STAFF)
    with pytest.raises(
        AccessRefused, match=rf"term {first.id}: term {second.id} \(month, .*\) follows it; change that"
    ):
        await (set_end(conn, first.id, NOON + DAY, NOON, by="x", note="") if verb == "end"
               else cancel(conn, first.id, NOON, by="x"))  # fmt: skip
    assert first in await terms_of(conn, who)


async def test_ends_that_cannot_be(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    who = await member()
    first = await grant(conn, playbook, who, "month", NOON, **STAFF)
    later = await grant(conn, playbook, who, "month", NOON, **STAFF, starts_at=NOON + 60 * DAY)
    for ends_at, says in (
        (NOON, "it begins 2026-03-04"),
        (NOON + 61 * DAY, f"overlap term {later.id}"),
        (None, "overlap"),
    ):
        with pytest.raises(AccessRefused, match=says):
            await set_end(conn, first.id, ends_at, NOON, by="x", note="")
    with pytest.raises(AccessRefused, match=r"term 999: there is none; `sop access show MEMBER`"):
        await revoke(conn, 999, NOON, by="x", note="")


moves = st.lists(
    st.one_of(
        st.tuples(st.just("grant"), st.sampled_from(["month", "year", "trial_7", "pack"]), st.integers(0, 40)),
        st.tuples(st.sampled_from(["cancel", "revoke"]), st.just(""), st.integers(0, 40)),
    ),
    max_size=12,
)


@given(history=moves)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
async def test_whatever_happens_terms_of_a_line_do_not_overlap_and_one_end_stands(
    conn: Connection, playbook: Playbook, member: MakeMember, history: list[tuple[str, str, int]]
) -> None:
    who, at = await member(), NOON
    for move, plan, number in history:
        at += number * DAY
        terms = await terms_of(conn, who)
        if move == "grant":
            await grant(conn, playbook, who, plan, at, **STAFF)
        elif terms:
            term = terms[number % len(terms)]
            with_ = {"by": "x", "note": ""}
            try:
                await (revoke(conn, term.id, at, **with_) if move == "revoke" else cancel(conn, term.id, at, **with_))
            except AccessRefused:
                assert term.revoked_at or follower([t for t in terms if t.line == term.line and not t.revoked_at], term)
    terms = [term for term in await terms_of(conn, who) if term.revoked_at is None]
    said = await milestones(conn, who)
    for line in ("membership", "pack"):
        own = [term for term in terms if term.line == line]
        assert all(former.ends_at <= later.starts_at for former, later in pairwise(own))  # type: ignore[operator]
        assert len([term for term in own if term.ends_at and term.ends_at > at and not follower(own, term)]) <= 1
        for term in own:
            if later := follower(own, term):
                assert f"over:{term.id}:{term.ends_at:%Y-%m-%d}" in said or later.changed_at <= term.changed_at
        last = last_of_coverage(own, at)
        covered = await current(conn, who, line, at)
        assert (last is None) == (covered is None)


# For a coupon.


async def coupon(conn: Connection, playbook: Playbook, **what: Any) -> None:
    await issue(conn, playbook, NewCoupon(code="SAVE", offer="test", **what), NOON)


async def test_a_coupon_that_opens_a_plan_is_used_for_the_term(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    who = await member()
    await coupon(conn, playbook, opens="trial_7", member_id=who)
    opened = await grant_for_coupon(conn, playbook, who, "trial_7", "SAVE", NOON, source="coupon", by="SAVE")
    assert isinstance(opened, Opened)
    assert (opened.term.ends_at, opened.term.source, opened.term.granted_by) == (NOON + 7 * DAY, "coupon", "SAVE")
    assert (opened.redemption.term_id, opened.redemption.discount_minor) == (opened.term.id, 0)
    again = await grant_for_coupon(conn, playbook, who, "trial_7", "SAVE", NOON, source="coupon", by="SAVE")
    assert again is Refusal.used
    assert len(await terms_of(conn, who)) == 1
    assert await milestones(conn, who) == set()


async def test_what_a_coupon_leaves_to_pay_was_paid_and_the_coupon_comes_back_with_the_money(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    who = await member()
    await coupon(conn, playbook, percent=10, first_n=1)
    opened = await grant_for_coupon(conn, playbook, who, "month", "SAVE", NOON, **STAFF)
    assert isinstance(opened, Opened)
    assert str(opened.term.paid) == "179.10 CNY"
    assert "purchase:month" in await milestones(conn, who)
    assert await grant_for_coupon(conn, playbook, await member(), "month", "SAVE", NOON, **STAFF) is Refusal.sold_out
    await revoke(conn, opened.term.id, NOON + HOUR, by="ben", note="refunded")
    await revoke(conn, opened.term.id, NOON + HOUR, by="ben", note="refunded")
    rows = await (await conn.execute("SELECT discount_minor, reverses FROM redemptions ORDER BY id")).fetchall()
    assert [tuple(row.values()) for row in rows] == [(1990, None), (-1990, opened.redemption.id)]
    assert isinstance(await grant_for_coupon(conn, playbook, who, "month", "SAVE", NOON, **STAFF), Opened)


async def test_no_coupon_is_wasted_on_who_is_covered_for_life(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    who = await member()
    await grant(conn, playbook, who, "life", NOON, **STAFF)
    await coupon(conn, playbook, opens="trial_7")
    with pytest.raises(AccessRefused, match="the coupon is not used"):
        await grant_for_coupon(conn, playbook, who, "trial_7", "SAVE", NOON, source="coupon", by="SAVE")
    assert await (await conn.execute("SELECT 1 FROM redemptions")).fetchall() == []


async def test_pressing_at_once_opens_one_term(
    pool: Pool, conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    people = [await member() for _ in range(4)]
    await coupon(conn, playbook, opens="trial_7", first_n=3)

    async def press(who: int) -> Opened | Refusal:
        async with pool.connection() as mine:
            return await grant_for_coupon(mine, playbook, who, "trial_7", "SAVE", NOON, source="coupon", by="SAVE")

    done = await asyncio.gather(*(press(who) for who in people for _ in range(3)))
    assert sum(isinstance(each, Opened) for each in done) == 3
    rows = await (await conn.execute("SELECT count(*) AS n, count(DISTINCT member_id) AS m FROM terms")).fetchall()
    assert rows == [{"n": 3, "m": 3}]


async def test_a_refund_and_a_press_at_once_do_not_wait_for_each_other(
    pool: Pool, conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    """Both take the member's turn before they hold the coupon."""
    who = await member()
    await coupon(conn, playbook, opens="trial_7")
    opened = await grant_for_coupon(conn, playbook, who, "trial_7", "SAVE", NOON, source="coupon", by="SAVE")
    assert isinstance(opened, Opened)
    async with pool.connection() as mine:
        async with conn.transaction():
            await take_turns(conn, who)
            pressing = asyncio.create_task(
                grant_for_coupon(mine, playbook, who, "trial_7", "SAVE", NOON, source="coupon", by="SAVE")
            )
            await asyncio.sleep(0.2)
            await revoke(conn, opened.term.id, NOON, by="ben", note="refunded")
        assert isinstance(await pressing, Opened)


# By a list.


async def test_a_list_waits_for_a_grant_under_way(
    pool: Pool, conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    who = await member(telegram_id=71)
    async with pool.connection() as granting:
        async with granting.transaction():
            await grant(granting, playbook, who, "month", NOON, **STAFF)
            listed = [ListedTerm(2, 71, "month", NOON, NOON + DAY, None)]
            bringing = asyncio.create_task(bring_in_terms(conn, playbook, listed, NOON, by="ops", note=""))
            await asyncio.sleep(0.2)
            assert not bringing.done()
        assert "overlaps term 1" in (await bringing).problems[0][1]


async def test_a_list_of_terms_comes_in_once_with_its_purchases(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    ann, ben = await member(telegram_id=71), await member(telegram_id=72)
    trial = await grant(conn, playbook, ann, "trial_7", NOON, **STAFF)
    assert trial.ends_at is not None
    listed = [
        ListedTerm(2, 71, "month", trial.ends_at, trial.ends_at + 30 * DAY, PAID),
        ListedTerm(3, 72, "year", NOON - 10 * DAY, NOON + 355 * DAY, None),
        ListedTerm(4, 72, "pack", NOON - 10 * DAY, None, PAID),
    ]
    for added, known in ((3, 0), (0, 3)):
        outcome = await bring_in_terms(conn, playbook, listed, NOON, by="ops", note="moved in")
        assert (outcome.added, outcome.known, outcome.problems) == (added, known, ())
    month = (await terms_of(conn, ann))[1]
    assert (month.source, month.granted_by, month.note, month.paid) == ("list", "ops", "moved in", PAID)
    assert await milestones(conn, ann) == {f"over:{trial.id}:2026-03-11", "purchase", "purchase:month"}
    assert await milestones(conn, ben) == {"purchase", "purchase:pack"}
    assert await reached(conn, ben, "purchase:pack") == NOON - 10 * DAY
    assert await reached(conn, ann, "purchase:month") == NOON, "it has not begun"
    renewed = await grant(conn, playbook, ann, "month", NOON, **STAFF)
    assert renewed.starts_at == month.ends_at


async def test_one_wrong_term_and_none_comes_in(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    ann = await member(telegram_id=71)
    await grant(conn, playbook, ann, "month", NOON, **STAFF)
    listed = [
        ListedTerm(2, 71, "month", NOON + DAY, NOON + 2 * DAY, None),
        ListedTerm(3, 73, "month", NOON, NOON + DAY, None),
        ListedTerm(4, 71, "pack", NOON, None, None),
        ListedTerm(5, 71, "pack", NOON + DAY, NOON + 2 * DAY, None),
        ListedTerm(6, 71, "year", NOON + 90 * DAY, NOON + 99 * DAY, None),
    ]
    outcome = await bring_in_terms(conn, playbook, listed, NOON, by="ops", note="")
    assert [(line, what.split(" (")[0]) for line, what in outcome.problems] == [
        (2, "overlaps term 1"),
        (3, "telegram_id 73: no such member; `sop import members` first"),
        (5, "pack: overlaps line 4"),
    ]
    assert len(await terms_of(conn, ann)) == 1


# Forgetting.


async def test_an_erased_members_terms_and_coupons_go_and_the_ledger_stays(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    who = await member()
    await coupon(conn, playbook, percent=10, first_n=1)
    await grant_for_coupon(conn, playbook, who, "month", "SAVE", NOON, **STAFF)
    await issue(conn, playbook, NewCoupon(code="OWN", offer="x", percent=5, member_id=who), NOON)
    await conn.execute("INSERT INTO survey_answers VALUES (%s, 'nps', '1', 9, %s)", [who, NOON])
    person = await by_id(conn, who)
    assert person is not None
    told = await export(conn, person)
    assert [len(told[what]) for what in ("terms", "coupons", "redemptions", "survey_answers")] == [1, 1, 1, 1]
    removed = await erase(conn, person, "secret", NOON)
    assert [removed[what] for what in ("terms", "coupons", "redemptions", "survey_answers")] == [1, 1, 1, 1]
    rows = await (await conn.execute("SELECT code, redeemed FROM coupons")).fetchall()
    assert rows == [{"code": "SAVE", "redeemed": 1}]
    rows = await (await conn.execute("SELECT code, member_id, discount_minor FROM redemptions")).fetchall()
    assert rows == [{"code": "SAVE", "member_id": None, "discount_minor": 1990}]


async def test_an_erasure_and_a_grant_take_turns(
    conn: Connection, playbook: Playbook, member: MakeMember, database_url: str
) -> None:
    who = await member()
    person = await by_id(conn, who)
    assert person is not None
    async with await connect(database_url) as granting:
        async with granting.transaction():
            await grant(granting, playbook, who, "month", NOON, **STAFF, paid=PAID)
            erasing = asyncio.create_task(erase(conn, person, "secret", NOON))
            await asyncio.sleep(0.2)
            assert not erasing.done()
        await erasing
        assert await milestones(granting, who) == set()
        with pytest.raises(UnknownMember, match="erased meanwhile"):
            await grant(granting, playbook, who, "month", NOON, **STAFF)


async def test_a_trial_is_given_once_by_coupons_and_again_only_by_staff(
    conn: Connection, edited: Edit, member: MakeMember
) -> None:
    plans = {"taste": {"title": {"en": "Taste"}, "length": "7d", "trial": True, "once": True}}
    playbook, ann, ben = edited(plans=plans).playbook, await member(), await member()
    for code in ("FIRST", "SECOND", "THIRD"):
        await issue(conn, playbook, NewCoupon(code=code, offer="taste", opens="taste"), NOON)
    given = [await _opens(conn, playbook, ann, code, NOON) for code in ("FIRST", "SECOND")]
    later = await _opens(conn, playbook, ann, "SECOND", NOON + timedelta(days=30))
    assert [isinstance(each, Opened) for each in given] == [True, False]
    assert given[1] is later is Refusal.had_already
    assert isinstance(await _opens(conn, playbook, ben, "SECOND", NOON), Opened), "the refused coupon was not used"

    assert isinstance(given[0], Opened)
    await revoke(conn, given[0].term.id, NOON, by="ann", note="by mistake")
    assert isinstance(await _opens(conn, playbook, ann, "THIRD", NOON), Opened)


async def _opens(conn: Connection, playbook: Playbook, who: int, code: str, at: datetime) -> Opened | Refusal:
    return await grant_for_coupon(conn, playbook, who, "taste", code, at, source="coupon", by=code)
