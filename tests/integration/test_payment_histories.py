"""Whatever a provider says of one order, in whatever order and however often: it ends in the same."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from community.access.terms import terms_of
from community.database.pool import Connection
from community.engagement.coupons import NewCoupon, issue
from community.members.people import by_id
from community.outbox.bundles import publish
from community.payments.claims import claim
from community.payments.events import StoredEvent, store
from community.payments.models import Order
from community.payments.notice import Kind, Notice
from community.payments.work import work
from community.playbook_types import Amount, parse_money
from tests.conftest import EMPTY
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.pay_kit import PLANS, PROVIDER, Till, group, paid, ready
from tests.integration.rows import Edit

DUE = parse_money("149.25 CNY")
"""A month with a quarter off; another order's sums are in proportion."""
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

HAPPENING = st.tuples(
    st.sampled_from(["c1", "c2"]),
    st.sampled_from(
        [
            Kind.paid,
            Kind.refunded,
            Kind.refund_failed,
            Kind.disputed,
            Kind.dispute_won,
            Kind.dispute_lost,
            Kind.failed,
        ]
    ),
    st.integers(0, 4),
    st.sampled_from([5000, DUE.minor, None]),
)
MOST = 6
HISTORY = st.lists(HAPPENING, min_size=1, max_size=MOST)
TELLING = st.tuples(
    st.permutations(range(MOST)), st.lists(st.integers(0, MOST - 1), max_size=2), st.booleans(), st.integers(0, MOST)
)
"""In which order it is told, what of it again, whether all of it comes at once, and when the order is claimed."""


def notices(history: list[Any]) -> list[Notice]:
    """What a provider says. Every payment of a charge is of the same sum; what was refunded is said so far."""
    found = []
    for place, (charge, kind, minutes, minor) in enumerate(history):
        part = minor and DUE.model_copy(update={"minor": minor})
        amount = {Kind.paid: DUE, Kind.refunded: part, Kind.refund_failed: part}.get(kind)
        at = NOON + minutes * MINUTE
        found.append(Notice(kind=kind, event_id=f"e{place}", name=kind, at=at, charge=charge, amount=amount))
    return found


async def outcome(till: Till, member_id: int) -> dict[str, Any]:
    """How everything stands, without what tells of the way there."""
    await till.is_true()
    terms = Counter(plan for plan, *_ in await till.terms(member_id))
    ends = [ends for *_, ends in await till.terms(member_id)]
    payments = await till.rows(
        "SELECT charge, state, why, paid_minor, refunded_minor, disputed, cardinality(terms) FROM payments ORDER BY 1"
    )
    return {
        "balance": await till.balance(),
        "terms": terms,
        "until": max(ends, default=None),
        "payments": payments,
        "order": await till.rows("SELECT state FROM orders ORDER BY id"),
        "coupon": await till.rows("SELECT redeemed FROM coupons"),
        "links": len(await till.links("given_at IS NOT NULL AND revoked_at IS NULL")),
        "events": await till.rows("SELECT event_id, state FROM provider_events ORDER BY 1"),
    }


@pytest.fixture
async def till(conn: Connection, edited: Edit) -> Till:
    return Till(conn, edited(plans=PLANS, offers={}, stages={}))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(history=HISTORY, way=st.sampled_from(["plain", "own", "claimed", "upgrade"]), telling=TELLING)
async def test_any_order_of_events_ends_in_the_same(
    till: Till, member: MakeMember, history: list[Any], way: str, telling: Any
) -> None:
    places, again, together, claimed_after = telling
    said = notices(history if way == "plain" else [("c1", *rest) for _, *rest in history])
    shuffled = [said[place] for place in places if place < len(said)]
    repeated = [said[place % len(said)] for place in again]
    ends = []
    for told, batches, after in ((said, False, 0), ([*shuffled, *repeated], together, claimed_after)):
        await till.conn.execute(EMPTY)
        ends.append(await _told(till, await member(), told, way, together=batches, claimed_after=after))
    assert ends[0] == ends[1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(history=HISTORY, way=st.sampled_from(["own", "claimed", "upgrade"]), telling=TELLING)
async def test_a_lowered_price_is_had_once_at_a_time(
    till: Till, member: MakeMember, history: list[Any], way: str, telling: Any
) -> None:
    """Which of two payments has it is a matter of which came first; of a third nobody speaks."""
    places, _, together, claimed_after = telling
    said = notices([each for each in history if each[1] in (Kind.paid, Kind.refunded, Kind.failed)])
    shuffled = [said[place] for place in places if place < len(said)]
    await till.conn.execute(EMPTY)
    end = await _told(till, await member(), shuffled, way, together=together, claimed_after=claimed_after)
    held = end["terms"]["month"] if way != "upgrade" else end["terms"]["year"]
    assert held <= 1
    unmatched = {payment["why"] for payment in end["payments"] if payment["state"] == "unmatched"}
    assert unmatched <= {"second_payment"}


async def _told(
    till: Till, who: int, told: list[Notice], way: str, *, together: bool, claimed_after: int
) -> dict[str, Any]:
    await publish(till.conn, till.bundle, "plans of the test")
    await ready(till.conn, await group(till.conn, "VIP", -1002), 1)
    order = await _order(till, who, way)
    events = [StoredEvent(PROVIDER, _of(notice, order), "{}") for notice in told]
    for batch in [events] if together else [[event] for event in events]:
        await _claim(till, who, order, way, now=claimed_after == 0)
        claimed_after -= len(batch)
        await store(till.conn, batch)
        while await work(till.conn, till.bundle, NOON, bot_id=BOT_ID):
            pass
    await _claim(till, who, order, way, now=True)
    return await outcome(till, who)


async def _order(till: Till, who: int, way: str) -> Order:
    """A month, perhaps with a coupon, by a member or by nobody known; or a year that takes the place of a month."""
    if way == "plain":
        return await till.order(member_id=who)
    if way == "upgrade":
        till.at = NOON - 10 * DAY
        month = await till.order(member_id=who)
        await till.hear(paid("old", order=month.number, event_id="old"))
        till.at = NOON
        [old] = await terms_of(till.conn, who)
        return await till.order("year", member_id=who, upgrade_of=old.id)
    await issue(till.conn, till.bundle.playbook, NewCoupon(code="SAVE", offer="test", percent=25, first_n=1), NOON)
    return await till.order(member_id=who if way == "own" else None, coupon="SAVE")


async def _claim(till: Till, who: int, order: Order, way: str, *, now: bool) -> None:
    if way == "claimed" and now:
        found = await by_id(till.conn, who)
        assert found is not None
        code = till.codes[order.number]
        await claim(till.conn, till.bundle, found, order.number, code, NOON, bot_id=BOT_ID)


def _of(notice: Notice, order: Order) -> Notice:
    """The same of this order, for its price."""
    amount = notice.amount and Amount(minor=notice.amount.minor * order.amount_minor // DUE.minor, currency="CNY")
    return replace(notice, order=order.number if notice.kind is Kind.paid else None, amount=amount)
