"""Subscriptions in Stars over HTTP: begun by a button, paid again by Telegram, stopped there and here, paid back."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from community.access.models import Term
from community.access.terms import terms_of
from community.payments.models import Order
from community.payments.orders import find
from community.payments.providers.stars import PERIOD_S
from tests.integration.test_bot_live import ANN, BEN, Live, live, telegram
from tests.integration.test_stars_live import quick, said, shipped, till, vip

__all__ = ["live", "quick", "shipped", "telegram", "till", "vip"]

PERIOD = timedelta(seconds=PERIOD_S)


async def press(live: Live, data: str, who: int = ANN) -> None:
    """Press the newest button that has such data."""
    for message in reversed(await live.telegram.received(who)):
        for row in (message["markup"] or {}).get("inline_keyboard", []):
            for button in row:
                if button.get("callback_data", "").startswith(data):
                    await live.telegram.press(who, data=button["callback_data"])
                    return
    raise AssertionError(f"no button {data}")


async def received(live: Live, template: str, who: int = ANN, count: int = 1) -> dict[str, Any]:
    """The newest message of that copy, once so many were sent."""

    async def sent() -> dict[str, Any] | None:
        query = "SELECT * FROM messages WHERE chat_id = %s AND template = %s AND state = 'sent' ORDER BY id"
        rows = await (await live.conn.execute(query, [who, template])).fetchall()
        return rows[-1] if len(rows) >= count else None

    row: dict[str, Any] = await live.until(sent)
    return row


async def link(live: Live, who: int = ANN, count: int = 1) -> str:
    """The member asks for a subscription by its button; the address under the answer."""
    await live.telegram.say(who, None, "buy")
    await received(live, "bot/plans", who, count)
    await press(live, "buy:month", who)
    await received(live, "bot/plan", who, count)
    await press(live, "subscribe:month", who)
    found = (await received(live, "payment/subscribe", who, count))["context"]["links"]
    shown = (await live.telegram.received(who))[-1]
    assert shown["markup"]["inline_keyboard"][0][0]["url"] == found[0]
    return str(found[0])


async def subscribed(live: Live, who: int = ANN) -> str:
    """They have paid for the first period; the payment's number."""
    paid = await live.telegram.wait_paid(await live.telegram.pay(who, link=await link(live, who)))
    assert paid["state"] == "paid", paid
    await said(live, "receipt", who)
    return str(paid["charge_id"])


async def terms(live: Live, who: int = ANN) -> list[Term]:
    row = await (await live.conn.execute("SELECT id FROM members WHERE telegram_id = %s", [who])).fetchone()
    assert row is not None
    return [term for term in await terms_of(live.conn, row["id"]) if term.revoked_at is None]


async def order(live: Live) -> Order:
    row = await (await live.conn.execute("SELECT number FROM orders WHERE renews")).fetchone()
    assert row is not None
    found = await find(live.conn, row["number"])
    assert found is not None
    return found


async def ended(live: Live, which: int = -1) -> Term:
    """Their last term, once it does not renew any more."""

    async def stopped() -> Term | None:
        term = (await terms(live))[which]
        return None if term.renews else term

    term: Term = await live.until(stopped)
    return term


async def test_from_the_button_to_the_next_months_payment(till: Live) -> None:
    await subscribed(till)
    [term] = await terms(till)
    assert term.renews
    assert term.paid is not None
    assert str(term.paid) == "1500 XTR"
    first = await said(till, "receipt")
    assert first["context"]["renews"]
    assert first["context"]["next"] is not None
    opened = await order(till)
    assert (opened.state, opened.amount_minor, opened.coupon_code, opened.source) == ("paid", 1500, None, "bot")

    await till.telegram.advance_clock(PERIOD_S)
    await received(till, "payment/receipt", count=2)
    one, two = await terms(till)
    assert two.starts_at == one.ends_at
    assert two.renews
    row = await (await till.conn.execute("SELECT DISTINCT order_id, subscription FROM payments")).fetchall()
    assert row == [{"order_id": opened.id, "subscription": opened.number}]
    assert (await order(till)).state == "paid"


async def test_the_listed_price_is_asked_whatever_coupon_there_is_and_once(till: Live) -> None:
    address = await link(till)
    assert await link(till, count=2) == address, "one order, one address, so one subscription"
    invoice = await till.telegram.invoice(address)
    assert (invoice["total_amount"], invoice["subscription_period"]) == (1500, PERIOD_S)
    rows = await (await till.conn.execute("SELECT FROM orders WHERE renews")).fetchall()
    assert len(rows) == 1
    refused = await till.telegram.wait_paid(await till.telegram.pay(BEN, link=address))
    assert refused["state"] == "refused", "it is Ann's"


async def test_who_has_one_is_offered_no_other(till: Live) -> None:
    await subscribed(till)
    await till.telegram.say(ANN, None, "/start plan_month")
    await received(till, "bot/plan", count=2)
    shown = await received(till, "bot/plan", count=2)
    assert shown["context"]["renewals"] == []
    await press(till, "subscribe:month")
    await received(till, "bot/membership")
    assert len(await (await till.conn.execute("SELECT FROM orders")).fetchall()) == 1


async def test_the_member_stops_it_by_their_membership(till: Live) -> None:
    await subscribed(till)
    await till.telegram.say(ANN, None, "membership")
    await received(till, "bot/membership")
    began = time.monotonic()
    await press(till, "unsubscribe:")
    answer = await received(till, "payment/unsubscribed")
    assert time.monotonic() - began < 3
    [held] = await till.telegram.subscriptions(ANN)
    assert (held["canceled"], held["canceled_by_bot"]) == (True, True)
    term = await ended(till)
    assert answer["context"]["stopped"]
    assert answer["context"]["until"] == term.ends_at.isoformat() if term.ends_at else None
    assert term.cancelled_at is None, "by the playbook they are reminded as all others are"
    await till.telegram.advance_clock(PERIOD_S + 1)
    [held] = await till.telegram.subscriptions(ANN)
    assert held["ended"] == "canceled"
    assert len(await terms(till)) == 1
    row = await (
        await till.conn.execute("SELECT payer, state FROM subscription_requests WHERE what = 'stop'")
    ).fetchone()
    assert row == {"payer": None, "state": "done"}
    await link(till, count=2)


async def test_stopped_in_telegram_it_runs_out(till: Live) -> None:
    charge = await subscribed(till)
    await till.telegram.cancel_subscription(ANN, charge)
    await till.telegram.advance_clock(PERIOD_S + 1)
    [held] = await till.telegram.subscriptions(ANN)
    assert held["ended"] == "canceled"
    [term] = await terms(till)
    assert term.renews, "Telegram tells no bot"
    assert term.ends_at is not None
    assert term.ends_at - datetime.now(UTC) > timedelta(days=27)


async def test_who_has_their_money_back_is_not_charged_again(till: Live) -> None:
    charge = await subscribed(till)
    assert await till.service.direct.refund_stars(ANN, charge) is None
    told = await said(till, "refunded")
    assert (told["context"]["ended"], told["context"]["stopped"]) == (True, True)

    async def canceled() -> bool:
        [held] = await till.telegram.subscriptions(ANN)
        return bool(held["canceled"])

    await till.until(canceled)
    assert await terms(till) == []
    rows = await (
        await till.conn.execute("SELECT template FROM messages WHERE template LIKE %s", ["%unsub%"])
    ).fetchall()
    assert rows == [], "nobody has asked for it"


async def test_the_second_payments_refund_leaves_the_first_ones_time(till: Live) -> None:
    await subscribed(till)
    await till.telegram.advance_clock(PERIOD_S)
    await received(till, "payment/receipt", count=2)
    row = await (await till.conn.execute("SELECT charge FROM payments ORDER BY paid_at DESC")).fetchone()
    assert row is not None
    assert await till.service.direct.refund_stars(ANN, row["charge"]) is None
    await said(till, "refunded")
    [term] = await terms(till)
    await till.until(lambda: _stopped(till))
    assert not (await ended(till)).renews
    assert term.id == (await terms(till))[0].id


async def _stopped(live: Live) -> bool:
    [held] = await live.telegram.subscriptions(ANN)
    return bool(held["canceled"])
