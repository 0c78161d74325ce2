"""Payments in Stars: the question before is answered whatever waits, what was paid is kept with its update."""

from datetime import timedelta
from typing import Any

import pytest

from community.bot import checkouts as module
from community.bot.inbox import CHECKOUT_KEYS, channels, store, user_key_of
from community.bundle import Bundle
from community.database.installation import set_virtual_now
from community.database.pool import Connection
from community.database.wakeup import CHECKOUTS, UPDATES
from community.errors import OrderRefused
from community.members.people import find
from community.outbox.bundles import publish
from community.payments.models import Order
from community.payments.star_invoice import stars_invoice
from community.privacy.personal import erase, export
from tests.integration import telegram_kit as kit
from tests.integration.telegram_kit import ANN, BEN, BOT_ID, NOW, Desk, desk

__all__ = ["desk"]
NUMBER = "A7K293QX"


@pytest.fixture(autouse=True)
async def frozen(conn: Connection, bundle: Bundle) -> None:
    """SOP time stands."""
    await set_virtual_now(conn, NOW)


async def order(conn: Connection, who: int | None = ANN, **columns: Any) -> None:
    """An open order of the monthly plan in Stars."""
    if who is not None:
        await conn.execute(
            "INSERT INTO members (telegram_id, first_name, dm, first_seen_at) VALUES (%s, 'Ann', 'open', %s)"
            " ON CONFLICT DO NOTHING",
            [who, NOW],
        )
    values = {
        "number": NUMBER,
        "plan": "month",
        "amount_minor": 1500,
        "currency": "XTR",
        "list_minor": 1500,
        "source": "bot",
        "created_at": NOW,
        "expires_at": NOW + timedelta(hours=24),
        **columns,
    }
    names, places = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    member = "(SELECT id FROM members WHERE telegram_id = %(who)s)"
    await conn.execute(f"INSERT INTO orders (member_id, {names}) VALUES ({member}, {places})", {**values, "who": who})


async def asked(desk: Desk, *updates: kit.Update) -> list[tuple[bool, str | None]]:
    """What these questions were answered with."""
    await store(desk.conn, BOT_ID, updates)
    await desk.checkouts.answer()
    return [(ok, error) for _, ok, error in desk.calls.checkouts]


async def test_an_open_order_may_be_paid(desk: Desk) -> None:
    await order(desk.conn)
    assert await asked(desk, kit.checkout(NUMBER)) == [(True, None)]
    assert await desk.states() == ["handled"]
    await desk.checkouts.answer()
    assert len(desk.calls.checkouts) == 1, "it is answered once"


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("I do not know this order", {}, {"order": "B7K293QX"}),
    ("another member's", {"who": BEN}, {}),
    ("paid already", {"state": "paid"}, {}),
    ("was closed", {"state": "cancelled"}, {}),
    ("was closed", {"state": "refunded"}, {}),
    ("no longer held", {"state": "expired"}, {}),
    ("no longer held", {"expires_at": NOW}, {}),
    ("is of before", {"amount_minor": 1400}, {}),
    ("is of before", {}, {"currency": "USD"}),
    ("not on sale", {"plan": "gone"}, {}),
    ("coupon", {"coupon_code": "NEVER"}, {}),
]


@pytest.mark.parametrize(("words", "columns", "question"), REFUSED)
async def test_what_may_not_be_paid_is_said_in_the_payers_language(
    desk: Desk, words: str, columns: dict[str, Any], question: dict[str, Any]
) -> None:
    await order(desk.conn, **columns)
    [(ok, error)] = await asked(desk, kit.checkout(**{"order": NUMBER, **question}, who=kit.user(language_code="en")))
    assert not ok
    assert error is not None
    assert words in error
    assert len(error) <= 200


async def test_a_plan_that_was_taken_off_sale_is_not_sold(desk: Desk, shipped: Bundle, conn: Connection) -> None:
    plans = shipped.source["plans"]
    gone = {**plans, "month": {**plans["month"], "on_sale": False}}
    await publish(conn, Bundle({**shipped.source, "plans": gone}, shipped.copy), "test")
    await order(desk.conn)
    [(ok, error)] = await asked(desk, kit.checkout(NUMBER))
    assert (ok, "停售" in (error or "")) == (False, True)


async def test_the_members_own_language_counts_more_than_their_telegrams(desk: Desk) -> None:
    await order(desk.conn)
    await desk.conn.execute("UPDATE members SET locale = 'zh-Hant'")
    [(_, error)] = await asked(desk, kit.checkout("NOBODY", kit.user(language_code="en")))
    assert error == "找不到這個訂單，請重新下單。"


async def test_questions_do_not_wait_behind_the_members_updates_nor_behind_anybodys(desk: Desk) -> None:
    await order(desk.conn)
    backlog = [kit.private("hi", who) for who in range(1_000, 1_300)] + [kit.private("hi") for _ in range(20)]
    await store(desk.conn, BOT_ID, [*backlog, kit.checkout(NUMBER)])
    assert await desk.checkouts.answer() == 1
    assert desk.calls.checkouts[0][1]
    waiting = await desk.row("SELECT count(*) AS n FROM updates WHERE state = 'pending'")
    assert waiting == {"n": len(backlog)}
    [taken] = await desk.rows("SELECT kind FROM updates WHERE state = 'handled'")
    assert taken == {"kind": "pre_checkout_query"}
    await desk.workers.drain()
    assert len(desk.calls.checkouts) == 1, "the members' workers leave them alone"


async def test_a_question_wakes_whoever_answers_it() -> None:
    assert channels([kit.private("hi")]) == {UPDATES}
    assert channels([kit.private("hi"), kit.checkout(), 7]) == {UPDATES, CHECKOUTS}
    assert user_key_of("pre_checkout_query", kit.checkout()["pre_checkout_query"]) == CHECKOUT_KEYS - ANN
    for strange in (None, {"from": {"id": -5}}, {"from": {"id": 2**62}}, {"from": {"id": True}}, {"from": []}):
        assert user_key_of("pre_checkout_query", strange) == CHECKOUT_KEYS
    assert user_key_of("message", {"from": {"id": CHECKOUT_KEYS - 5}}) == 0, "nobody else comes among them"


async def test_one_that_is_too_late_is_not_answered(desk: Desk) -> None:
    await order(desk.conn)
    await store(desk.conn, BOT_ID, [kit.checkout(NUMBER)])
    await desk.conn.execute("UPDATE updates SET received_wall = clock_timestamp() - interval '11 seconds'")
    assert await desk.checkouts.answer() == 1
    assert desk.calls.checkouts == []
    assert await desk.states() == ["handled"]


async def test_one_that_cannot_be_judged_is_refused_and_staff_are_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("words of a member")

    await order(desk.conn)
    monkeypatch.setattr(module, "refusal_of", broken)
    [(ok, error)] = await asked(desk, kit.checkout(NUMBER))
    assert (ok, bool(error)) == (False, True)
    assert await desk.states() == ["failed"]
    [alert] = await desk.rows("SELECT * FROM alerts")
    assert "RuntimeError" in alert["what"]
    assert "words of a member" not in str(alert)


async def test_what_was_paid_is_kept_with_its_update_and_answered_by_no_help(desk: Desk) -> None:
    more = {"is_recurring": True, "is_first_recurring": True, "subscription_expiration_date": kit.seconds(NOW) + 60}
    await desk.take(kit.paid(NUMBER, **more))
    await desk.take(kit.paid(NUMBER, field="refunded_payment"))
    rows = await desk.rows("SELECT * FROM provider_events ORDER BY kind")
    assert [(row["provider"], row["kind"], row["charge"]) for row in rows] == [
        ("stars", "paid", "stars-1"),
        ("stars", "refunded", "stars-1"),
    ]
    first = rows[0]
    assert (first["order_number"], first["amount_minor"], first["currency"], first["payer"]) == (
        NUMBER,
        1500,
        "XTR",
        ANN,
    )
    assert (first["subscription"], first["period_ends_at"]) == (NUMBER, NOW + timedelta(seconds=60))
    assert (await desk.member())["dm"] == "open"
    assert await desk.said() == []
    assert await desk.states() == ["handled", "handled"]


async def test_delivered_twice_it_is_kept_once(desk: Desk) -> None:
    await desk.take(kit.paid(NUMBER), kit.paid(NUMBER))
    assert await desk.row("SELECT count(*) AS n FROM provider_events") == {"n": 1}


async def test_pay_support_is_answered(desk: Desk) -> None:
    await desk.take(kit.private("/paysupport"), kit.private("支付问题"))
    assert await desk.said() == ["bot/paysupport", "bot/paysupport"]


async def test_what_was_asked_before_a_payment_is_exported_and_erased_with_the_member(desk: Desk) -> None:
    await order(desk.conn)
    await store(desk.conn, BOT_ID, [kit.checkout(NUMBER), kit.checkout(NUMBER, BEN)])
    ann = await find(desk.conn, f"tg:{ANN}")
    assert str((await export(desk.conn, ann))["updates"]).count("pre_checkout_query") >= 1
    await erase(desk.conn, ann, "secret", NOW)
    assert await desk.checkouts.answer() == 1, "nobody answers for who is gone"
    rows = await desk.rows("SELECT payload FROM updates ORDER BY update_id")
    assert rows[0] == {"payload": {}}
    assert rows[1]["payload"] != {}


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"currency": "CNY"}, "only open ones in XTR"),
        ({"state": "paid"}, "only open ones in XTR"),
        ({"amount_minor": 100_001, "list_minor": 100_001}, "only open ones in XTR"),
        ({"plan": "gone"}, "not in the playbook"),
        ({"who": None}, "nobody's yet"),
    ],
)
async def test_an_order_that_nobody_can_pay_in_stars_has_no_invoice(
    desk: Desk, shipped: Bundle, columns: dict[str, Any], why: str
) -> None:
    await order(desk.conn, **columns)
    row = await desk.row("SELECT * FROM orders")
    with pytest.raises(OrderRefused, match=why):
        await stars_invoice(desk.conn, shipped, Order(**row), NOW, cause="press", bot_id=BOT_ID)


async def test_one_press_brings_one_invoice(desk: Desk, shipped: Bundle) -> None:
    await order(desk.conn)
    asked_for = Order(**await desk.row("SELECT * FROM orders"))
    for cause in ("first", "first", "second"):
        await stars_invoice(desk.conn, shipped, asked_for, NOW, cause=cause, bot_id=BOT_ID)
    rows = await desk.rows("SELECT method, context, expires_at FROM messages ORDER BY id")
    assert [(row["method"], row["context"]["payload"]) for row in rows] == [("sendInvoice", NUMBER)] * 2
    assert rows[0]["expires_at"] == asked_for.expires_at, "nobody is asked to pay a price that is over"
