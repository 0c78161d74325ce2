"""Whatever a provider says of one order, in whatever order and however often: it ends in the same."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from community.database.pool import Connection
from community.engagement.coupons import NewCoupon, issue
from community.outbox.bundles import publish
from community.payments.events import StoredEvent, store
from community.payments.notice import Kind, Notice
from community.payments.work import work
from community.playbook_types import parse_money
from tests.conftest import EMPTY
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.pay_kit import PLANS, PROVIDER, Till, group, ready
from tests.integration.rows import Edit

DUE = parse_money("149.25 CNY")
"""A month with a quarter off."""
WRONG = parse_money("199 USD")
MINUTE = timedelta(minutes=1)

HAPPENING = st.tuples(
    st.sampled_from(["c1", "c2"]),
    st.sampled_from([Kind.paid, Kind.refunded, Kind.disputed, Kind.dispute_won, Kind.dispute_lost, Kind.failed]),
    st.integers(0, 4),
    st.sampled_from([5000, DUE.minor, None]),
)
HISTORY = st.lists(HAPPENING, min_size=1, max_size=6)


def notices(history: list[Any], number: str) -> list[Notice]:
    """What a provider says. Every payment of a charge is of the same sum; what was refunded is said so far."""
    found = []
    for place, (charge, kind, minutes, minor) in enumerate(history):
        amount = {Kind.paid: DUE, Kind.refunded: minor and DUE.model_copy(update={"minor": minor})}.get(kind)
        values: dict[str, Any] = {"order": number if kind is Kind.paid else None, "amount": amount}
        at = NOON + minutes * MINUTE
        found.append(Notice(kind=kind, event_id=f"e{place}", name=kind, at=at, charge=charge, **values))
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
        "order": await till.rows("SELECT state FROM orders"),
        "coupon": await till.rows("SELECT redeemed FROM coupons"),
        "links": len(await till.links("given_at IS NOT NULL AND revoked_at IS NULL")),
        "events": await till.rows("SELECT event_id, state FROM provider_events ORDER BY 1"),
    }


@pytest.fixture
async def till(conn: Connection, edited: Edit) -> Till:
    return Till(conn, edited(plans=PLANS, offers={}, stages={}))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(history=HISTORY, data=st.data())
async def test_any_order_of_events_ends_in_the_same(
    till: Till, member: MakeMember, history: list[Any], data: st.DataObject
) -> None:
    said = notices(history, "")
    shuffled = data.draw(st.permutations(said))
    again = data.draw(st.lists(st.sampled_from(said), max_size=2))
    together = data.draw(st.booleans(), "stored at once, before any is settled")
    ends = []
    for told in (said, [*shuffled, *again]):
        await till.conn.execute(EMPTY)
        ends.append(await _told(till, member, told, together=together and told is not said))
    assert ends[0] == ends[1]


async def _told(till: Till, member: MakeMember, told: list[Notice], *, together: bool) -> dict[str, Any]:
    await publish(till.conn, till.bundle, "plans of the test")
    who = await member()
    await ready(till.conn, await group(till.conn, "VIP", -1002), 1)
    await issue(till.conn, till.bundle.playbook, NewCoupon(code="SAVE", offer="test", percent=25, first_n=1), NOON)
    order = await till.order(member_id=who, coupon="SAVE")
    events = [StoredEvent(PROVIDER, _of(notice, order.number), "{}") for notice in told]
    for batch in [events] if together else [[event] for event in events]:
        await store(till.conn, batch)
        while await work(till.conn, till.bundle, NOON, bot_id=BOT_ID):
            pass
    return await outcome(till, who)


def _of(notice: Notice, number: str) -> Notice:
    values = {name: getattr(notice, name) for name in Notice.__dataclass_fields__}
    return Notice(**{**values, "order": number if notice.kind is Kind.paid else None})
