"""The shop in the chat: plans, invoices in Stars, orders and whose they are, invoices on paper, refunds, trials."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from community.access.terms import revoke
from community.bot.orders import read_order
from community.bot.refunds import Refunds
from community.bundle import Bundle
from community.database.installation import set_virtual_now
from community.database.pool import Connection
from community.database.wakeup import Wakeup
from community.outbox.bundles import publish
from community.payments.checkout import Refusal, refusal_of
from community.payments.invoicing import Asked, read
from community.payments.models import Order
from community.payments.notice import Kind, Notice
from community.payments.numbers import shown as number_of
from community.payments.orders import NewOrder, Opened, open_order
from community.payments.refunds import MOST_ATTEMPTS, rule_of
from community.payments.stripe_api import StripeApi, units
from community.playbook_types import Amount, parse_money
from tests.hostile import TEXTS
from tests.integration.pay_kit import Till
from tests.integration.shop_kit import fake_stripe
from tests.integration.telegram_kit import ANN, BEN, NOW, STAFF, Desk, desk, press, private, update, user
from tests.integration.test_bot_holdings import ann, coupon, last, shown

__all__ = ["desk"]

DAY = timedelta(days=1)
MONTH = parse_money("199 CNY")


async def opened(desk: Desk, bundle: Bundle, plan: str = "month", currency: str = "CNY", **what: Any) -> Opened:
    new = NewOrder(plan=plan, currency=currency, source="page", **what)
    found = await open_order(desk.conn, bundle.playbook, new, NOW)
    assert isinstance(found, Opened)
    return found


async def hear(
    desk: Desk, bundle: Bundle, order: Order, kind: Kind = Kind.paid, *, provider: str = "stripe", **what: Any
) -> None:
    """The provider says that the order is paid, or paid back."""
    values = {"charge": f"pi_{order.number}", "order": order.number, **what}
    amount = Amount(minor=order.amount_minor, currency=order.currency)
    notice = Notice(kind=kind, event_id=f"{kind}:{order.number}", name="test", at=NOW, amount=amount, **values)
    await Till(desk.conn, bundle).hear(notice, provider=provider)


async def bought(desk: Desk, bundle: Bundle, who: int, provider: str = "stripe", **what: Any) -> Order:
    order = (await opened(desk, bundle, member_id=who)).order
    await hear(desk, bundle, order, provider=provider, **what)
    return order


def staff_press(data: str, who: int = BEN, chat: int = STAFF) -> dict[str, Any]:
    message = {"message_id": 3, "date": 1, "chat": {"id": chat, "type": "supergroup", "title": "Staff"}}
    query = {"id": "q9", "from": user(who), "chat_instance": "1", "data": data, "message": message}
    return update(callback_query=query)


async def invoices(desk: Desk) -> list[dict[str, Any]]:
    return [row["context"] for row in await desk.rows("SELECT context FROM messages WHERE method = 'sendInvoice'")]


# Buying.


@pytest.mark.parametrize("wish", ["购买", "購買", "buy", "/buy", "套餐", "Plans!"])
async def test_what_is_on_sale_is_shown_with_the_members_price(desk: Desk, bundle: Bundle, wish: str) -> None:
    who = await ann(desk)
    await coupon(desk, bundle, "MINE", percent=10, plans=("month",), member_id=who)
    await desk.take(private(wish))
    text = await shown(desk)
    assert "Monthly membership: <s>199.00 CNY</s> 179.10 CNY" in text
    assert "Yearly membership: 1688.00 CNY" in text
    assert "trial" not in text


async def test_a_plan_is_paid_in_stars_by_its_button(desk: Desk, bundle: Bundle) -> None:
    who = await ann(desk)
    await coupon(desk, bundle, "MINE", percent=10, member_id=who)
    await desk.take(press("buy:month:1"))
    said: dict[str, Any] = {
        "plan": "month",
        "due": "179.10 CNY",
        "stars": ["1350 XTR"],
        "upgrades": [],
        "coupon": "MINE",
    }
    said["renewals"] = [{"price": "1500 XTR"}]
    assert (await last(desk))[1] == said
    assert "Your coupon <code>MINE</code> is counted" in await shown(desk)
    await desk.take(press("pay:month:1"), press("pay:month:1"))
    [order] = await desk.rows("SELECT * FROM orders")
    assert (order["amount_minor"], order["coupon_code"], order["source"], order["member_id"]) == (
        1350,
        "MINE",
        "bot",
        who,
    )
    for invoice in await invoices(desk):
        assert invoice["payload"] == order["number"]
        assert invoice["prices"][0]["amount"] == 1350
    assert len(await invoices(desk)) == 2, "asked for twice, it is the same order"


@pytest.fixture
async def years(conn: Connection, shipped: Bundle) -> Bundle:
    """A year can be paid in Stars."""
    plans = shipped.source["plans"]
    year = {**plans["year"], "prices": ["12000 XTR"]}
    bundle = Bundle({**shipped.source, "plans": {**plans, "year": year}}, shipped.copy)
    await publish(conn, bundle, "test")
    return bundle


async def in_stars(desk: Desk, years: Bundle, who: int) -> None:
    """They have paid a month ten days ago."""
    order = (await opened(desk, years, currency="XTR", member_id=who)).order
    await hear(desk, years, order, provider="stars")
    await set_virtual_now(desk.conn, NOW + 10 * DAY)


async def left_of(desk: Desk, minor: int) -> int:
    """What the rest of the month is worth that cost so much."""
    [term] = await desk.rows("SELECT * FROM terms")
    return int(-(-minor * (term["ends_at"] - NOW - 10 * DAY) // (term["ends_at"] - term["starts_at"])))


async def test_who_has_a_month_may_have_a_year_in_its_place(desk: Desk, years: Bundle) -> None:
    who = await ann(desk)
    await desk.take(press("buy:year:1"), press("pay_upgrade:year:1"))
    assert (await last(desk))[1]["upgrades"] == []
    assert await desk.rows("SELECT FROM orders") == [], "there is nothing to credit"
    await in_stars(desk, years, who)
    await desk.take(press("buy:year:1"))
    left = await left_of(desk, 1500)
    [upgrade] = (await last(desk))[1]["upgrades"]
    assert (upgrade["due"], upgrade["credited"]) == (f"{12000 - left} XTR", f"{left} XTR")
    assert f"Upgrade now: {left} XTR of your Monthly membership is credited" in await shown(desk)
    await desk.take(press("pay_upgrade:year:1"), press("pay_upgrade:year:1"))
    [order] = await desk.rows("SELECT * FROM orders WHERE upgrade_of IS NOT NULL")
    [term] = await desk.rows("SELECT id FROM terms")
    assert (order["upgrade_of"], order["amount_minor"], order["plan"]) == (term["id"], 12000 - left, "year")
    assert [invoice["payload"] for invoice in await invoices(desk)] == [order["number"]] * 2


@pytest.mark.parametrize(("what", "kept"), [("refunded_minor = 700", 800), ("disputed = 'open'", None)])
async def test_what_was_paid_back_or_is_disputed_is_not_credited(
    desk: Desk, years: Bundle, what: str, kept: int | None
) -> None:
    await in_stars(desk, years, await ann(desk))
    await desk.conn.execute(f"UPDATE payments SET {what}")  # type: ignore[arg-type]
    await desk.take(press("buy:year:1"))
    upgrades = (await last(desk))[1]["upgrades"]
    assert [each["credited"] for each in upgrades] == ([f"{await left_of(desk, kept)} XTR"] if kept else [])


async def test_an_upgrade_whose_term_has_changed_may_not_be_paid(desk: Desk, years: Bundle) -> None:
    await in_stars(desk, years, await ann(desk))
    await desk.take(press("pay_upgrade:year:1"))
    [order] = await desk.rows("SELECT * FROM orders WHERE upgrade_of IS NOT NULL")
    amount = Amount(minor=order["amount_minor"], currency="XTR")
    at = NOW + 10 * DAY
    assert await refusal_of(desk.conn, years, order["number"], ANN, amount, at) is None
    await revoke(desk.conn, order["upgrade_of"], at, by="op", note="by hand")
    assert await refusal_of(desk.conn, years, order["number"], ANN, amount, at) is Refusal.amount


@pytest.mark.parametrize(
    "data", ["buy:nothing:1", "buy:trial_7:1", "pay:year:1", "pay:nothing:1", "pay_order:A7K2-93QX:1"]
)
async def test_what_is_not_sold_is_not_ordered(desk: Desk, data: str) -> None:
    await ann(desk)
    before = await desk.said()
    await desk.take(press(data))
    assert await desk.said() == before
    assert await desk.rows("SELECT FROM orders") == []


async def test_an_order_from_the_page_is_paid_in_stars_by_who_comes_with_it(desk: Desk, bundle: Bundle) -> None:
    order = (await opened(desk, bundle, currency="XTR")).order
    await desk.take(private(f"/start buy-{order.number}"))
    [invoice] = await invoices(desk)
    assert invoice["payload"] == order.number
    assert (await desk.row("SELECT member_id FROM orders"))["member_id"] == (await desk.member())["id"]
    await desk.take(private(f"/start buy-{order.number}", BEN))
    assert len(await invoices(desk)) == 1, "it is the first one's"
    assert await desk.said(BEN) == ["bot/order_claim"]


async def test_no_order_in_money_is_given_to_who_knows_its_number(desk: Desk, bundle: Bundle) -> None:
    order = (await opened(desk, bundle)).order
    await desk.take(private(f"/start buy-{order.number}"), private(f"订单 {number_of(order.number)}"))
    assert (await desk.row("SELECT member_id FROM orders"))["member_id"] is None
    assert set(await desk.said()) == {"bot/order_claim"}


# Orders.


async def test_an_order_is_shown_to_its_member_as_it_stands(desk: Desk, bundle: Bundle) -> None:
    who = await ann(desk)
    order = (await opened(desk, bundle, member_id=who)).order
    await desk.take(private(f"订单 {order.number.lower()}"))
    assert "Not paid yet. The price holds until 5 Mar, 12:00." in await shown(desk)
    await hear(desk, bundle, order)
    for text in (f"order {number_of(order.number)}", order.number, f"/order {order.number}", f"订单：{order.number}"):
        await desk.take(private(text))
        assert "Paid. It runs until 4 Apr, 12:00." in await shown(desk), text
    await hear(desk, bundle, order, Kind.refunded)
    await desk.take(press(f"order:{number_of(order.number)}:1"))
    assert "Refunded" in await shown(desk)


async def test_ways_in_are_shown_again(desk: Desk, bundle: Bundle) -> None:
    who = await ann(desk)
    order = await bought(desk, bundle, who)
    [term] = await desk.rows("SELECT id FROM terms")
    await desk.conn.execute("INSERT INTO groups (chat_id, title, registered_at) VALUES (-7, 'VIP', now())")
    await desk.conn.execute(
        "INSERT INTO entry_links (group_id, name, invite_link, member_id, term_id, given_at)"
        " SELECT id, 'vip-1', 'https://t.me/+vip', %s, %s, now() FROM groups WHERE chat_id = -7",
        [who, term["id"]],
    )
    await desk.take(private(f"order {order.number}"))
    assert (await last(desk))[1]["entries"] == [{"title": "VIP", "address": "https://t.me/+vip"}]


@pytest.mark.parametrize("wish", ["订单", "我的訂單", "my orders", "/order"])
async def test_the_members_orders_are_listed(desk: Desk, bundle: Bundle, wish: str) -> None:
    who = await ann(desk)
    await desk.take(private(wish))
    assert "no orders yet" in await shown(desk)
    order = (await opened(desk, bundle, member_id=who)).order
    await opened(desk, bundle, "year")
    await desk.take(private(wish))
    text = await shown(desk)
    assert f"<code>{number_of(order.number)}</code> Monthly membership, 199.00 CNY: not paid yet" in text
    assert "Yearly" not in text


async def test_somebody_elses_order_tells_nothing_and_asks_for_its_code(desk: Desk, bundle: Bundle) -> None:
    await ann(desk)
    found = await opened(desk, bundle)
    number = found.order.number
    await desk.take(private("hi", BEN), private(f"order {number}", BEN))
    assert "send me the code" in await shown(desk, "en", BEN)
    assert "Monthly" not in await shown(desk, "en", BEN)
    await desk.take(private("AAAAAAAAAA", BEN))
    assert "does not fit" in await shown(desk, "en", BEN)
    await desk.take(private(found.code.lower(), BEN))
    ben = await desk.member(BEN)
    assert (await desk.row("SELECT member_id FROM orders"))["member_id"] == ben["id"]
    assert "is yours now" in await shown(desk, "en", BEN)
    await desk.take(private(f"order {number}"), private(found.code))
    assert (await desk.row("SELECT member_id FROM orders"))["member_id"] == ben["id"]


async def test_what_was_paid_before_is_claimed_by_number_and_code(desk: Desk, bundle: Bundle) -> None:
    await ann(desk)
    found = await opened(desk, bundle)
    await hear(desk, bundle, found.order)
    assert await desk.rows("SELECT FROM terms") == []
    await desk.take(private(f"{number_of(found.order.number)} {found.code}"))
    assert [row["plan"] for row in await desk.rows("SELECT plan FROM terms")] == ["month"]
    assert "payment/receipt" in await desk.said()


async def test_what_was_paid_before_is_claimed_by_the_pages_link(desk: Desk, bundle: Bundle) -> None:
    found = await opened(desk, bundle)
    await hear(desk, bundle, found.order)
    await desk.take(private(f"/start paid_{found.order.number}_{found.code}"))
    assert [row["plan"] for row in await desk.rows("SELECT plan FROM terms")] == ["month"]
    await desk.take(private(f"/start paid_{found.order.number}_{found.code}", BEN))
    assert len(await desk.rows("SELECT FROM terms")) == 1


async def test_an_unknown_number_is_said_to_be_none(desk: Desk) -> None:
    await ann(desk)
    await desk.take(private("order 12345"))
    assert "no order number of ours" in await shown(desk)


@given(st.text())
def test_no_text_is_too_strange_for_an_orders_number(text: str) -> None:
    number, code = read_order(text)
    assert number is None or len(number) == 8
    assert code is None or len(code) == 10


# Trials.


async def test_a_trial_begins_with_the_members_coupon(desk: Desk, bundle: Bundle) -> None:
    who = await ann(desk)
    await desk.take(private("试用"))
    assert "comes with a coupon" in await shown(desk)
    await coupon(desk, bundle, "TRIAL-000000000000", opens="trial_7", member_id=who)
    await desk.take(private("trial"))
    assert (await last(desk))[1]["coupons"] == ["TRIAL-000000000000"]
    await desk.take(press("coupon:TRIAL-000000000000:1"), private("trial"))
    assert "had your trial" in await shown(desk)


# Invoices.


async def test_an_invoice_is_asked_for_step_by_step_and_becomes_a_task(desk: Desk, bundle: Bundle) -> None:
    order = await bought(desk, bundle, await ann(desk))
    await desk.take(private("发票"))
    assert "Whom shall it be made out to" in await shown(desk)
    await desk.take(private("x" * 101))
    assert "too long" in await shown(desk)
    await desk.take(private("<b>Ann & Co</b>"))
    assert "tax number" in await shown(desk)
    await desk.take(private("!!"))
    assert "5 to 30" in await shown(desk)
    await desk.take(private("91310000ma1fl2x"))
    for wrong in ("nonsense", "a@b", "a@b.c\nd@e.fg", "a b@c.de"):
        await desk.take(private(wrong))
        assert "does not look like" in await shown(desk), wrong
    await desk.take(private("ann@example.com"))
    told = await shown(desk)
    assert "&lt;b&gt;Ann &amp; Co&lt;/b&gt;" in told
    row = await desk.row("SELECT title, tax_id, email, state FROM invoice_requests")
    assert row == {"title": "<b>Ann & Co</b>", "tax_id": "91310000MA1FL2X", "email": "ann@example.com", "state": "open"}
    task = await desk.row("SELECT id, kind, due_at FROM follow_ups WHERE done_at IS NULL")
    assert (task["kind"], task["due_at"]) == ("invoice", NOW + 3 * DAY)
    staff = [
        row["context"]
        for row in await desk.rows("SELECT context FROM messages WHERE step = 'invoice' AND chat_id = %s", STAFF)
    ]
    assert [(each["order"], each["task"], each["tax_id"]) for each in staff] == [
        (number_of(order.number), task["id"], "91310000MA1FL2X")
    ]
    await desk.take(private("ann@example.com"))
    assert len(await desk.rows("SELECT FROM invoice_requests")) == 1

    await desk.take(staff_press(f"done:{task['id']}:1"))
    assert (await desk.row("SELECT state FROM invoice_requests"))["state"] == "done"
    assert "was sent to ann@example.com" in await shown(desk)
    await desk.take(private("invoice"))
    assert "no paid order of yours" in await shown(desk)


async def test_a_tax_number_may_be_left_out(desk: Desk, bundle: Bundle) -> None:
    await bought(desk, bundle, await ann(desk))
    await desk.take(private("invoice"), private("Ann"), private("-"), private("a@b.cd"))
    assert (await desk.row("SELECT tax_id FROM invoice_requests"))["tax_id"] == ""


async def test_which_of_several_orders_is_asked(desk: Desk, bundle: Bundle) -> None:
    who = await ann(desk)
    orders = [await bought(desk, bundle, who) for _ in range(2)]
    await desk.take(private("invoice"))
    assert "Which order" in await shown(desk)
    await desk.take(press(f"invoice:{number_of(orders[0].number)}:1"), private("Ann"), private("-"), private("a@b.cd"))
    assert (await desk.row("SELECT order_id FROM invoice_requests"))["order_id"] == orders[0].id


async def test_nobody_asks_for_anothers_invoice_or_refund(desk: Desk, bundle: Bundle) -> None:
    order = await bought(desk, bundle, await ann(desk))
    await desk.take(private("hi", BEN))
    before = await desk.said(BEN)
    await desk.take(press(f"invoice:{order.number}:1", BEN), press(f"refund:{order.number}:1", BEN))
    assert await desk.said(BEN) == before
    assert await desk.rows("SELECT FROM refund_requests") == []


@given(st.text(), st.sampled_from(list(Asked)))
def test_every_answer_is_taken_or_not(text: str, asked: Asked) -> None:
    answer = read(asked, text)
    assert answer is None or (len(answer) <= 254 and "\n" not in answer and "\0" not in answer)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_hostile_text_is_an_address(text: str) -> None:
    assert read(Asked.email, text) is None


# Another's order, with the right code.


async def contested(desk: Desk, bundle: Bundle, plan: str = "month", currency: str = "CNY") -> tuple[Order, str]:
    """Ben proves that he opened what Ann has; and how the buttons name it."""
    made = await opened(desk, bundle, plan, currency, member_id=await ann(desk))
    await hear(desk, bundle, made.order)
    for _ in range(2):
        await desk.take(private(f"order {number_of(made.order.number)} {made.code}", BEN))
    [row] = await desk.rows("SELECT context FROM messages WHERE step = 'order_claim' AND chat_id = %s", STAFF)
    about = row["context"]
    assert (about["number"], about["holder"]) == ((await desk.member(BEN))["id"], (await desk.member())["id"])
    assert about["order"] == number_of(made.order.number)
    return made.order, about["claim"]


async def holds(desk: Desk) -> list[int]:
    """Who holds a term, by Telegram's numbers."""
    rows = await desk.rows(
        "SELECT m.telegram_id FROM terms t JOIN members m ON m.id = t.member_id WHERE t.revoked_at IS NULL"
    )
    return [row["telegram_id"] for row in rows]


async def test_staff_move_a_claimed_order_by_a_button(desk: Desk, bundle: Bundle) -> None:
    _, claim = await contested(desk, bundle)
    told = await desk.rows("SELECT context FROM messages WHERE step = 'order_claim' AND chat_id = %s", BEN)
    assert {row["context"]["result"] for row in told} == {"refused"}, "nothing is told to who claims"
    await desk.take(staff_press(f"moving:{claim}_move:1", BEN, -99), staff_press(f"moving:{claim}_go:1"))
    assert await holds(desk) == [ANN], "neither elsewhere nor by a word that is not ours"
    await desk.take(staff_press(f"moving:{claim}_move:1"))
    assert await holds(desk) == [BEN]
    ben = (await desk.member(BEN))["id"]
    assert await desk.row('SELECT "by", note FROM order_moves') == {
        "by": f"member {ben}",
        "note": "claimed with the order's right code",
    }
    assert (await desk.row("SELECT done_by FROM follow_ups"))["done_by"] == f"member {ben}"
    told = "SELECT step, chat_id FROM messages WHERE step = 'moved_away' OR context->>'moved' = 'true' ORDER BY id"
    assert [(row["step"], row["chat_id"]) for row in await desk.rows(told)] == [("receipt", BEN), ("moved_away", ANN)]
    await desk.take(staff_press(f"moving:{claim}_move:1"), staff_press(f"moving:{claim}_leave:1"))
    assert any("已经有人决定" in (text or "") for _, text in desk.calls.toasts)
    assert await holds(desk) == [BEN], "the first word stands"
    await Till(desk.conn, bundle).is_true()


async def test_staff_leave_a_claimed_order_where_it_is(desk: Desk, bundle: Bundle) -> None:
    _, claim = await contested(desk, bundle)
    await desk.take(staff_press(f"moving:{claim}_leave:1"))
    assert (await desk.row("SELECT outcome FROM follow_ups"))["outcome"] == "left where it is"
    await desk.take(staff_press(f"moving:{claim}_move:1"))
    assert await holds(desk) == [ANN]
    assert await desk.rows("SELECT FROM persons") == [], "they may be two"


async def test_what_can_be_moved_in_part_only_stays_as_it_was(desk: Desk, bundle: Bundle) -> None:
    """What the pack brings with it Ben has for life: the pack alone is not moved either."""
    _, claim = await contested(desk, bundle, "pack", "USD")
    ben = (await desk.member(BEN))["id"]
    await desk.conn.execute(
        "INSERT INTO terms (member_id, plan, line, starts_at, counted_from_at, changed_at, source, granted_by)"
        " VALUES (%s, 'qa', 'qa', %s, %s, %s, 'staff', 'op')",
        [ben, NOW, NOW, NOW],
    )
    before = await desk.rows("SELECT * FROM terms ORDER BY id")
    await desk.take(staff_press(f"moving:{claim}_move:1"))
    assert "for life" in (desk.toast() or "")
    assert await desk.rows("SELECT * FROM terms ORDER BY id") == before
    assert await desk.rows("SELECT FROM order_moves") == []


async def test_what_cannot_be_moved_is_said_and_waits(desk: Desk, bundle: Bundle) -> None:
    order, claim = await contested(desk, bundle)
    await hear(desk, bundle, order, Kind.refunded)
    await desk.take(staff_press(f"moving:{claim}_move:1"))
    assert "nothing that was paid for it stands" in (desk.toast() or "")
    assert await desk.rows("SELECT FROM follow_ups WHERE done_at IS NULL") != []
    for strange in ("moving:x:1", "moving:0_0_move:1", "moving:" + "9" * 18 + "_" + "9" * 18 + "_move:1"):
        await desk.take(staff_press(strange))
    assert await desk.rows("SELECT FROM updates WHERE state = 'failed'") == []


async def test_who_claims_what_another_account_has_paid_is_one_person_with_it(desk: Desk, bundle: Bundle) -> None:
    made = await opened(desk, bundle)
    await hear(desk, bundle, made.order, payer=4711)
    await desk.take(private(f"order {number_of(made.order.number)} {made.code}", BEN))
    assert await holds(desk) == [BEN]
    rows = await desk.rows("SELECT person, member_id FROM persons ORDER BY id")
    assert [row["member_id"] for row in rows] == [(await desk.member(BEN))["id"], None]
    assert len({row["person"] for row in rows}) == 1


# Refunds.


async def wished(desk: Desk, bundle: Bundle, provider: str = "stripe", **what: Any) -> tuple[Order, int]:
    order = await bought(desk, bundle, await ann(desk), provider, **what)
    await desk.take(private("退款"))
    return order, int((await desk.row("SELECT id FROM refund_requests"))["id"])


async def test_a_wish_for_a_refund_is_held_against_the_rule(desk: Desk, bundle: Bundle) -> None:
    order, number = await wished(desk, bundle)
    assert "is noted" in await shown(desk)
    [row] = await desk.rows("SELECT context FROM messages WHERE step = 'refund'")
    about = row["context"]
    assert (about["order"], about["days"], about["in_time"], about["request"]) == (
        number_of(order.number),
        0,
        True,
        number,
    )
    await desk.take(private("refund"))
    assert "with us already" in await shown(desk)
    assert len(await desk.rows("SELECT FROM refund_requests")) == 1
    assert [row["kind"] for row in await desk.rows("SELECT kind FROM follow_ups WHERE done_at IS NULL")] == ["refund"]


async def test_too_late_is_said_to_staff(desk: Desk, bundle: Bundle) -> None:
    await bought(desk, bundle, await ann(desk))
    await set_virtual_now(desk.conn, NOW + 15 * DAY)
    await desk.take(private("refund", at=NOW + 15 * DAY))
    [row] = await desk.rows("SELECT context FROM messages WHERE step = 'refund'")
    assert (row["context"]["days"], row["context"]["in_time"]) == (15, False)
    assert 45 <= row["context"]["used"] <= 50


@pytest.mark.parametrize("chat", [ANN, -99, -1001])
async def test_refunds_are_decided_in_the_staff_chat_only(desk: Desk, bundle: Bundle, chat: int) -> None:
    _, number = await wished(desk, bundle)
    await desk.take(staff_press(f"refunding:{number}_approve:1", ANN, chat))
    assert (await desk.row("SELECT state FROM refund_requests"))["state"] == "asked"
    assert "staff chat only" in (desk.toast() or "") or "员工群" in (desk.toast() or "")


async def test_a_refund_is_refused_once(desk: Desk, bundle: Bundle) -> None:
    _, number = await wished(desk, bundle)
    await desk.take(staff_press(f"refunding:{number}_refuse:1"))
    ben = (await desk.member(BEN))["id"]
    row = await desk.row("SELECT state, decided_by FROM refund_requests")
    assert row == {"state": "refused", "decided_by": f"member {ben}"}
    assert "cannot be refunded" in await shown(desk)
    assert (await desk.row("SELECT done_by, outcome FROM follow_ups")) == {
        "done_by": f"member {ben}",
        "outcome": "refused",
    }
    await desk.take(staff_press(f"refunding:{number}_approve:1"))
    assert (await desk.row("SELECT state FROM refund_requests"))["state"] == "refused"
    for strange in (
        "refunding:0_approve:1",
        "refunding:x:1",
        f"refunding:{number}_pay:1",
        "refunding:" + "9" * 30 + "_approve:1",
    ):
        await desk.take(staff_press(strange))
    assert await desk.rows("SELECT FROM updates WHERE state = 'failed'") == []


async def test_nothing_is_paid_back_while_the_bank_is_asked(desk: Desk, bundle: Bundle) -> None:
    _, number = await wished(desk, bundle)
    await desk.conn.execute("UPDATE payments SET disputed = 'open'")
    await desk.take(staff_press(f"refunding:{number}_approve:1"))
    assert (await desk.row("SELECT state FROM refund_requests"))["state"] == "asked"
    assert "bank" in (desk.toast() or "") or "银行" in (desk.toast() or "")
    await desk.take(staff_press(f"refunding:{number}_refuse:1"))
    assert (await desk.row("SELECT state FROM refund_requests"))["state"] == "refused"


class Stars:
    """Stands in for the direct calls that refunds make."""

    def __init__(self, *answers: str | None) -> None:
        self.answers, self.asked = list(answers), list[tuple[int, str]]()

    async def refund_stars(self, payer: int, charge: str) -> str | None:
        self.asked.append((payer, charge))
        return self.answers.pop(0) if self.answers else None


def refunds(desk: Desk, stars: Any, stripe: StripeApi | None, url: str) -> Refunds:
    return Refunds(desk.pool, Wakeup(url), stars, stripe)


async def test_an_approved_refund_in_stars_goes_to_telegram_and_access_ends_by_its_word(
    desk: Desk, bundle: Bundle, database_url: str
) -> None:
    order, number = await wished(desk, bundle, "stars", payer=ANN)
    await desk.take(staff_press(f"refunding:{number}_approve:1"))
    stars = Stars()
    worker = refunds(desk, stars, None, database_url)
    assert [await worker.next(), await worker.next()] == [True, False]
    assert stars.asked == [(ANN, f"pi_{order.number}")]
    assert (await desk.row("SELECT state FROM refund_requests"))["state"] == "sent"
    assert (await desk.row("SELECT revoked_at FROM terms"))["revoked_at"] is None, "until Telegram says so"
    await desk.take(private("refund"))
    assert "with us already" in await shown(desk)
    await hear(desk, bundle, order, Kind.refunded, provider="stars")
    assert (await desk.row("SELECT revoked_at FROM terms"))["revoked_at"] is not None
    await Till(desk.conn, bundle).is_true()


async def test_an_approved_refund_goes_to_stripe_once(desk: Desk, bundle: Bundle, database_url: str) -> None:
    order, number = await wished(desk, bundle)
    await desk.take(staff_press(f"refunding:{number}_approve:1"), staff_press(f"refunding:{number}_approve:1"))
    async with fake_stripe() as (fake, address):
        worker = refunds(desk, Stars(), StripeApi("sk_test_0123456789abcdef", address), database_url)
        fake.status = 400
        assert await worker.next()
        assert not await worker.next(), "it rests first"
        fake.status = 200
        await desk.conn.execute("UPDATE refund_requests SET retry_wall = NULL")
        assert [await worker.next(), await worker.next()] == [True, False]
    assert {(path, fields["payment_intent"], fields["amount"], key) for path, fields, key in fake.asked} == {
        ("/v1/refunds", f"pi_{order.number}", "19900", f"refund-{number}")
    }
    assert (await desk.row("SELECT state, error FROM refund_requests")) == {"state": "sent", "error": None}


async def test_what_the_provider_refuses_again_and_again_is_told(desk: Desk, bundle: Bundle, database_url: str) -> None:
    _, number = await wished(desk, bundle)
    await desk.take(staff_press(f"refunding:{number}_approve:1"))
    worker = refunds(desk, Stars(), None, database_url)
    pause = timedelta()
    for _ in range(MOST_ATTEMPTS):
        await desk.conn.execute("UPDATE refund_requests SET retry_wall = NULL")
        assert await worker.next()
        row = await desk.row("SELECT retry_wall - clock_timestamp() AS pause FROM refund_requests")
        assert pause < row["pause"] < timedelta(hours=6), "an outage of hours is outlasted"
        pause = row["pause"]
    assert (await desk.row("SELECT state FROM refund_requests"))["state"] == "failed"
    assert not await worker.next()
    assert any("stripe does not make it" in str(alert) for alert in await desk.rows("SELECT * FROM alerts"))


async def test_where_we_cannot_ask_staff_pay_back_by_hand(desk: Desk, bundle: Bundle, database_url: str) -> None:
    _, number = await wished(desk, bundle, "ime")
    await desk.take(staff_press(f"refunding:{number}_approve:1"))
    assert (await desk.row("SELECT state FROM refund_requests"))["state"] == "sent"
    assert "bot/refund_manual" in await desk.said(STAFF)
    open_tasks = [row["kind"] for row in await desk.rows("SELECT kind FROM follow_ups WHERE done_at IS NULL")]
    assert open_tasks == ["refund_by_hand"]
    assert not await refunds(desk, Stars(), None, database_url).next()


def test_the_rule_counts_days_and_the_share_used() -> None:
    from community.access.models import Term
    from community.payments.models import Payment

    payment = Payment(provider="x", charge="c", paid_at=NOW, currency="CNY", paid_minor=1, changed_at=NOW, terms=[1])
    term = Term(member_id=1, starts_at=NOW, ends_at=NOW + 30 * DAY)
    for days, used, in_time in ((0, 0, True), (7, 23, True), (8, 26, False), (40, 100, False)):
        rule = rule_of(payment, [term], 7 * DAY, NOW + days * DAY)
        assert (rule.days, rule.used, rule.in_time) == (days, used, in_time)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("199 CNY", 19900), ("500 JPY", 500), ("100 UGX", 10000), ("100 ISK", 10000), ("1.250 KWD", 1250)],
)
def test_amounts_as_stripe_counts_them(amount: str, expected: int) -> None:
    assert units(parse_money(amount)) == expected


# What nobody means well.


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_hostile_words_break_no_dialogue(desk: Desk, bundle: Bundle, conn: Connection, text: str) -> None:
    await bought(desk, bundle, await ann(desk))
    await desk.take(private("invoice"), private(text), private(f"order {text}"), private(f"订单 {text}"))
    await desk.take(press(f"order:{text}"[:64] + ":1"), press(f"pay:{text}"[:50] + ":1"), private(f"/start buy-{text}"))
    assert await desk.rows("SELECT FROM updates WHERE state = 'failed'") == []
