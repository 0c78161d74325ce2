"""A paid order goes to another account of whoever paid: nothing is had twice, nothing is lost, no money moves."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from community.access.grant import grant
from community.access.removals import propose
from community.access.terms import cancel, renew_by_itself, revoke, set_end, terms_of
from community.bundle import Bundle
from community.database.pool import Connection, Pool, connect
from community.engagement.coupons import NewCoupon, issue
from community.engagement.redemptions import Refusal, look
from community.errors import AccessRefused, OrderRefused
from community.members.people import by_id
from community.outbox.bundles import publish
from community.payments.claims import Claim, claim, place
from community.payments.models import Order, Payment
from community.payments.moving import Word, move, moves_of
from community.payments.orders import find
from community.playbook_types import Amount, parse_money
from community.privacy.personal import erase, export
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.pay_kit import PLANS, Till, addresses, group, paid, ready, refunded
from tests.integration.rows import Edit

DAY = timedelta(days=1)
MONTH = timedelta(days=30)
WORD = Word("op", "uses another account")


@pytest.fixture
async def shop(conn: Connection, bundle: Bundle, edited: Edit) -> Till:
    changed = edited(plans=PLANS, offers={}, stages={})
    await publish(conn, changed, "plans of the test")
    return Till(conn, changed)


@pytest.fixture
async def ann(member: MakeMember) -> int:
    return await member()


@pytest.fixture
async def new(member: MakeMember) -> int:
    """Ann's other account."""
    return await member()


async def moved(shop: Till, to: int, charge: str = "c1", conn: Connection | None = None) -> int:
    payment = Payment(**await shop.payment(charge))
    return len(await move(conn or shop.conn, shop.bundle, payment, to, shop.at, WORD, bot_id=BOT_ID))


async def whose(shop: Till, order: Order) -> int | None:
    found = await find(shop.conn, order.number)
    return found.member_id if found else None


async def test_the_order_its_terms_and_its_ways_in_are_the_other_accounts(shop: Till, ann: int, new: int) -> None:
    vip = await group(shop.conn, "VIP", -7)
    await ready(shop.conn, vip, 2)
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number))
    booked, balance = await shop.booked(), await shop.balance()

    assert await moved(shop.later(days=10), new) == 1
    assert await shop.terms(ann) == []
    assert await shop.terms(new) == [("month", NOON, NOON + MONTH)], "the same end"
    assert await whose(shop, order) == (await shop.payment())["member_id"] == new
    assert (await shop.booked(), await shop.balance()) == (booked, balance)
    links = [(row["member_id"], row["revoked_at"]) for row in await shop.links("given_at IS NOT NULL")]
    assert links == [(ann, shop.at), (new, None)]
    [told] = [row["context"] for row in await shop.rows("SELECT context FROM messages WHERE member_id = %s", new)]
    assert told["moved"]
    assert [told["until"], len(addresses(told))] == [(NOON + MONTH).isoformat(), 1]
    assert await shop.said(new) == ["receipt"]
    assert await shop.said(ann) == ["moved_away"], "and no receipt that had not gone out yet"
    [note] = await moves_of(shop.conn, order.id)
    assert (note.from_member_id, note.member_id, note.by, note.note, note.at) == (
        ann, new, "op", "uses another account", shop.at,
    )  # fmt: skip
    triggers = await shop.rows("SELECT member_id FROM stage_triggers WHERE stage = 'payment_access' ORDER BY id")
    assert triggers[-1]["member_id"] == new
    await shop.is_true()


async def test_the_former_account_is_listed_to_leave(shop: Till, ann: int, new: int) -> None:
    vip = await group(shop.conn, "VIP", -7)
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number))
    await shop.conn.execute(
        "INSERT INTO memberships (member_id, group_id, joined_at) VALUES (%s, %s, %s)", [ann, vip, NOON]
    )
    await moved(shop, new)
    look_at = NOON + 2 * DAY
    assert await propose(shop.conn, shop.bundle.playbook, look_at, staff_chat=None) == 2
    listed = await shop.rows("SELECT member_id FROM removals")
    assert [row["member_id"] for row in listed] == [ann, ann], "of both groups, and the other account of none"


async def test_it_may_be_moved_back_and_again(shop: Till, ann: int, new: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number))
    for to in (new, ann, new):
        await moved(shop, to)
        assert await shop.terms(to) == [("month", NOON, NOON + MONTH)]
        await shop.is_true()
    assert await shop.terms(ann) == []
    assert [each.member_id for each in await moves_of(shop.conn, order.id)] == [new, ann, new]
    with pytest.raises(OrderRefused, match="already"):
        await moved(shop, new)
    await shop.hear(refunded())
    assert await shop.terms(new) == []
    assert (await shop.said(new))[-1] == "refunded"
    with pytest.raises(OrderRefused, match="gives nothing now"):
        await moved(shop, ann)
    await shop.is_true()


async def test_a_coupon_goes_along_and_nobody_has_it_twice(shop: Till, ann: int, new: int) -> None:
    playbook = shop.bundle.playbook
    for code, owner in (("OWN", ann), ("FEW", None)):
        coupon = NewCoupon(code=code, offer="x", percent=50, member_id=owner, first_n=2 if owner is None else None)
        await issue(shop.conn, playbook, coupon, NOON)
    half = parse_money("99.50 CNY")
    for charge, code in (("c1", "OWN"), ("c2", "FEW")):
        order = await shop.order(member_id=ann, coupon=code)
        await shop.hear(paid(charge, order=order.number, amount=half))
        await moved(shop, new, charge)
    used = await shop.rows("SELECT member_id, discount_minor FROM redemptions WHERE code = 'OWN' ORDER BY id")
    assert [tuple(row.values()) for row in used] == [(ann, 9950), (ann, -9950), (new, 9950)]
    assert [row["redeemed"] for row in await shop.rows("SELECT redeemed FROM coupons ORDER BY code")] == [1, 1]
    again = [await look(shop.conn, code, who, NOON) for code, who in (("OWN", ann), ("FEW", ann), ("FEW", new))]
    assert again == [Refusal.used] * 3
    await shop.hear(refunded(charge="c1"))
    assert await shop.rows("SELECT FROM coupons WHERE code = 'OWN' AND redeemed = 0") != []
    await shop.is_true()


async def test_what_the_other_account_has_is_prolonged(shop: Till, ann: int, new: int) -> None:
    theirs, order = await shop.order(member_id=new), await shop.order(member_id=ann)
    await shop.hear(paid("c0", order=theirs.number), paid("c1", order=order.number))
    await moved(shop.later(days=10), new)
    assert await shop.terms(new) == [
        ("month", NOON, NOON + MONTH),
        ("month", NOON + MONTH, NOON + MONTH + 20 * DAY),
    ], "by what is left of it"
    [_, term] = await terms_of(shop.conn, new)
    assert term.paid == Amount(minor=13266, currency="CNY"), "two thirds of what was paid"
    await shop.is_true()


async def test_all_that_an_order_has_paid_for_goes_along(shop: Till, ann: int, new: int) -> None:
    order, own = await shop.order("all", member_id=ann), await shop.order(member_id=ann)
    price = parse_money("2000 CNY")
    await shop.hear(*(paid(charge, order=order.number, amount=price, subscription="s") for charge in ("c1", "c2")))
    await shop.hear(paid("c3", order=own.number))
    assert await moved(shop, new, "c2") == 4
    year, pack = timedelta(days=360), timedelta(days=90)
    assert sorted(await shop.terms(new)) == [  # type: ignore[type-var]
        ("all", NOON, NOON + year),
        ("all", NOON + year, NOON + 2 * year),
        ("pack", NOON, NOON + pack),
        ("pack", NOON + pack, NOON + 2 * pack),
    ]
    assert await shop.terms(ann) == [("month", NOON, NOON + MONTH)], "what followed moves up"
    await shop.hear(paid("c4", subscription="s", amount=price, at=NOON + 360 * DAY))
    assert (await shop.payment("c4"))["member_id"] == new, "the next of the subscription too"
    told = await shop.rows("SELECT context FROM messages WHERE step = 'receipt' AND context->>'moved' = 'true'")
    assert [row["context"]["until"] for row in told] == [(NOON + 2 * year).isoformat()]
    await shop.is_true()


async def test_what_is_paid_without_an_order_may_be_moved(shop: Till, ann: int, new: int) -> None:
    await shop.hear(paid(plan="month", payer=(await account(shop, ann))))
    assert await moved(shop, new) == 1
    assert [await shop.terms(who) != [] for who in (ann, new)] == [False, True]
    await shop.is_true()


async def account(shop: Till, member_id: int) -> int:
    found = await by_id(shop.conn, member_id)
    assert found is not None
    return found.telegram_id


async def test_an_upgrade_that_is_refunded_restores_the_term_wherever_it_is(shop: Till, ann: int, new: int) -> None:
    month = await shop.order(member_id=ann)
    await shop.hear(paid("c1", order=month.number))
    [old] = await terms_of(shop.conn, ann)
    shop.later(days=10)
    year = await shop.order("year", member_id=ann, upgrade_of=old.id)
    price = Amount(minor=year.amount_minor, currency="CNY")
    await shop.hear(paid("c2", order=year.number, amount=price, at=shop.at))
    await moved(shop, new, "c2")
    await moved(shop, new, "c1")
    await shop.hear(refunded(charge="c2", at=shop.at))
    assert await shop.terms(new) == [("month", NOON, NOON + MONTH)]
    await shop.is_true()


async def test_what_staff_changed_by_hand_stays_changed(shop: Till, ann: int, new: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number))
    [term] = await terms_of(shop.conn, ann)
    await set_end(shop.conn, term.id, NOON + 99 * DAY, NOON, by="op", note="gift")
    await cancel(shop.conn, term.id, NOON, by="op")
    await moved(shop, new)
    [term] = await terms_of(shop.conn, new)
    assert (term.ends_at, term.cancelled_at) == (NOON + 99 * DAY, NOON)
    await revoke(shop.conn, term.id, NOON, by="op", note="by hand")
    with pytest.raises(OrderRefused, match="gives nothing now"):
        await moved(shop, ann)


async def test_what_is_not_to_be_moved_stays(shop: Till, ann: int, new: int) -> None:
    order = await shop.order()
    await shop.hear(paid(order=order.number))
    with pytest.raises(OrderRefused, match="nobody's yet"):
        await moved(shop, new)
    await place(shop.conn, shop.bundle, "ime", "c1", ann, "month", NOON, by="op", bot_id=BOT_ID)
    with pytest.raises(
        OrderRefused, match=f"member {ann}'s; to give it to another account of theirs: sop payments move"
    ):
        await place(shop.conn, shop.bundle, "ime", "c1", new, "month", NOON, by="op", bot_id=BOT_ID)
    await shop.conn.execute("UPDATE orders SET member_id = %s", [ann])
    await grant(shop.conn, shop.bundle.playbook, new, "life", NOON, source="staff", by="op")
    with pytest.raises(AccessRefused, match="for life"):
        await moved(shop, new)
    with pytest.raises(OrderRefused, match="erased meanwhile"):
        await moved(shop, 10**6)
    assert len(await shop.terms(ann)) == 1
    await shop.is_true()


async def test_opposite_moves_at_once_wait_for_each_other(
    shop: Till, ann: int, new: int, pool: Pool, database_url: str
) -> None:
    orders = [await shop.order(member_id=who) for who in (ann, new)]
    await shop.hear(*(paid(f"c{place}", order=order.number) for place, order in enumerate(orders)))
    async with pool.connection() as one, await connect(database_url) as two:
        await asyncio.wait_for(asyncio.gather(moved(shop, new, "c0", one), moved(shop, ann, "c1", two)), 10)
    assert [await whose(shop, order) for order in orders] == [new, ann]
    assert [len(await shop.terms(who)) for who in (ann, new)] == [1, 1]
    await shop.is_true()


async def test_the_two_accounts_are_one_person(shop: Till, ann: int, new: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number))
    await moved(shop, new)
    rows = await shop.rows("SELECT DISTINCT person FROM persons WHERE member_id IN (%s, %s)", ann, new)
    assert len(rows) == 1
    found = await by_id(shop.conn, ann)
    assert found is not None
    assert [row["to_you"] for row in (await export(shop.conn, found))["order_moves"]] == [False]
    await erase(shop.conn, found, "s", NOON)
    [note] = await moves_of(shop.conn, order.id)
    assert (note.from_member_id, note.member_id, note.note) == (None, new, "")


async def test_each_move_is_another_occasion_to_claim_it_back(shop: Till, ann: int, new: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number))

    async def say(number: int) -> Claim:
        who, code = await by_id(shop.conn, number), shop.codes[order.number]
        assert who is not None
        return await claim(shop.conn, shop.bundle, who, order.number, code, NOON, bot_id=BOT_ID)

    assert [await say(new), await say(new)] == [Claim.contested, Claim.refused]
    await moved(shop, new)
    assert [await say(new), await say(ann), await say(ann)] == [Claim.theirs, Claim.contested, Claim.refused]
    open_ = await shop.rows("SELECT member_id FROM follow_ups WHERE done_at IS NULL")
    assert open_ == [{"member_id": ann}], "the task of who has it now is done"
    await moved(shop, ann)
    assert await say(new) is Claim.contested


async def test_a_subscription_goes_on_renewing_at_the_other_account(shop: Till, ann: int, new: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number))
    [term] = await terms_of(shop.conn, ann)
    await renew_by_itself(shop.conn, term.id, shop.at, by="provider")
    await moved(shop.later(days=1), new)
    [theirs] = [term for term in await terms_of(shop.conn, new) if term.revoked_at is None]
    assert theirs.renews


@pytest.mark.parametrize("by_order", [True, False])
async def test_the_next_payment_of_a_moved_subscription_is_the_other_accounts(
    shop: Till, ann: int, new: int, by_order: bool
) -> None:
    about: dict[str, Any] = {"subscription": "sub_1", "payer": await shop.account(ann)}
    about |= {"order": (await shop.order(member_id=ann)).number} if by_order else {"plan": "month"}
    await shop.hear(paid(**about))
    await moved(shop.later(days=1), new)
    await shop.later(days=29).hear(paid("c2", at=shop.at, **about))
    assert (await shop.payment("c2"))["member_id"] == new
    assert await shop.terms(ann) == []
    assert len(await shop.terms(new)) == 2


@pytest.mark.parametrize("erased", ["former", "holder"])
async def test_who_of_the_two_is_erased_takes_nothing_from_the_other(
    shop: Till, ann: int, new: int, erased: str
) -> None:
    payer = await shop.account(ann)
    await shop.hear(paid(plan="month", payer=payer))
    await moved(shop, new)
    whom = await by_id(shop.conn, ann if erased == "former" else new)
    assert whom is not None
    await erase(shop.conn, whom, "secret", shop.at)
    found = await shop.payment()
    assert (found["member_id"], found["payer"]) == ((new, None) if erased == "former" else (None, payer))


async def test_what_is_refunded_before_the_move_is_told_is_not_told(shop: Till, ann: int, new: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number))
    await moved(shop, new)
    await shop.hear(refunded())
    assert await shop.said(new) == ["refunded"]
