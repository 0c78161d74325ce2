"""A member who has paid is erased: the books stay even, and no table about money holds anything of them."""

import json

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.engagement.coupons import NewCoupon, issue
from community.members.models import Member
from community.members.people import by_id
from community.outbox.bundles import publish
from community.payments.invoices import InvoiceWanted, request_invoice
from community.payments.models import Payment
from community.payments.moving import Word, move
from community.payments.notice import Kind
from community.payments.orders import find
from community.payments.refunds import ask
from community.payments.subscriptions import ask_stop
from community.playbook_types import Amount, parse_money
from community.privacy.personal import erase, export
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.pay_kit import PLANS, Till, group, paid, ready, refunded, said
from tests.integration.rows import Edit

ACCOUNT = 7_340_912_345_678
TRACES = (str(ACCOUNT), "Ann Ltd", "ann@example.com", "TAX-917")
HOLD = (
    *("provider_events", "orders", "payments", "invoice_requests", "refund_requests", "subscription_requests"),
    *("order_moves", "terms", "entry_links", "redemptions"),
)
MONEY = (*HOLD, "removals", "ledger_transactions", "ledger_entries")


@pytest.fixture
async def shop(conn: Connection, bundle: Bundle, edited: Edit) -> Till:
    changed = edited(plans=PLANS, offers={}, stages={})
    await publish(conn, changed, "plans of the test")
    await ready(conn, await group(conn, "VIP", -1002), 3)
    return Till(conn, changed)


@pytest.fixture
async def ann(shop: Till, member: MakeMember) -> Member:
    """She has everything that has to do with money; c1 at a discount, c2 of nobody knows what, c3 subscribed and in
    dispute, c4 moved to her.
    """
    number, playbook = await member(telegram_id=ACCOUNT), shop.bundle.playbook
    await issue(shop.conn, playbook, NewCoupon(code="ANNS", offer="test", percent=10, member_id=number), NOON)
    order = await shop.order(member_id=number, coupon="ANNS")
    price = Amount(minor=order.amount_minor, currency=order.currency)
    pack = await shop.order("pack", "USD", member_id=number)
    await shop.hear(
        paid("c1", order=order.number, amount=price, payer=ACCOUNT),
        paid("c2", plan="moon", payer=ACCOUNT),
        paid("c3", order=pack.number, amount=parse_money("29 USD"), payer=ACCOUNT, subscription="sub_1"),
        said(Kind.disputed, "c3"),
    )
    await request_invoice(shop.conn, playbook, order, InvoiceWanted("Ann Ltd", "TAX-917", "ann@example.com", ""), NOON)
    paid_order = await find(shop.conn, order.number)
    assert paid_order is not None
    await ask(shop.conn, playbook, paid_order, Payment(**await shop.payment("c1")), NOON)
    await ask_stop(shop.conn, Payment(**await shop.payment("c3")), NOON, cause="press")
    former = await member()
    await shop.hear(paid("c4", plan="year", payer=await shop.account(former), amount=playbook.plans["year"].price))
    word = Word("op", "met her in Riga")
    await move(shop.conn, shop.bundle, Payment(**await shop.payment("c4")), number, NOON, word, bot_id=BOT_ID)
    found = await by_id(shop.conn, number)
    assert found is not None
    return found


async def held(shop: Till) -> str:
    """All that the tables about money hold."""
    rows = {table: await shop.rows(f"SELECT * FROM {table}") for table in MONEY}
    return json.dumps(rows, default=str, ensure_ascii=False)


async def test_nothing_of_them_is_left_beside_the_money_and_the_books_are_even(shop: Till, ann: Member) -> None:
    told = await export(shop.conn, ann)
    assert [table for table in HOLD if not told[table]] == []
    before, booked = await held(shop), await shop.balance()
    assert [trace for trace in TRACES if trace not in before] == []
    removed = await erase(shop.conn, ann, "secret", NOON)
    assert [table for table in HOLD if not removed.get(table)] == []
    stopping = await shop.rows("UPDATE subscription_requests SET payer = NULL RETURNING payer")  # goes with the answer
    assert stopping
    after = await held(shop)
    assert [trace for trace in TRACES if trace in after] == []
    assert await shop.rows("SELECT note FROM order_moves") == [{"note": ""}]
    for table in MONEY:
        if '"member_id"' in json.dumps(await shop.rows(f"SELECT * FROM {table} LIMIT 1"), default=str):
            assert await shop.rows(f"SELECT 1 FROM {table} WHERE member_id = %s", ann.id) == [], table
    assert await shop.balance() == booked
    assert await shop.rows("SELECT 1 FROM entry_links WHERE member_id IS NULL AND given_at IS NOT NULL") != []
    await shop.is_true()


async def test_what_its_provider_says_later_is_booked_and_gives_nobody_anything(shop: Till, ann: Member) -> None:
    await erase(shop.conn, ann, "secret", NOON)
    await shop.hear(refunded(None, "c1"), refunded(None, "c4"), said(Kind.dispute_lost, "c3"))
    states = {row["charge"]: row["state"] for row in await shop.rows("SELECT charge, state FROM payments")}
    assert states["c1"] == states["c3"] == states["c4"] == "reversed"
    assert await shop.rows("SELECT 1 FROM terms WHERE revoked_at IS NULL") == []
    assert (await shop.balance()).get("disputed:ime", 0) == 0
    await shop.is_true()
