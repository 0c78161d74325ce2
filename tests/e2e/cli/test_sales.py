"""`sop orders`, `sop payments`, `sop invoices`: what was sold, what is wrong, and what staff do about it."""

import json
from datetime import timedelta
from typing import Any

import pytest

from community.activity.record import Activity, record
from community.bundle import Bundle
from community.database.pool import Connection
from community.payments.invoices import InvoiceWanted, request_invoice
from community.payments.models import Order
from community.payments.notice import Kind, Notice
from community.payments.numbers import shown
from community.payments.refunds import ask, refundable
from community.playbook_types import Amount
from tests.e2e.cli.conftest import HOSTILE, NOON, MakeMember, Sop, table
from tests.integration.pay_kit import Till


@pytest.fixture
async def till(conn: Connection, bundle: Bundle) -> Till:
    return Till(conn, bundle, NOON)


async def sold(till: Till, member_id: int | None, provider: str = "stripe", **what: Any) -> Order:
    """An order of a month, paid."""
    order = await till.order("month", member_id=member_id)
    amount = what.pop("amount", Amount(minor=order.amount_minor, currency=order.currency))
    about = {"charge": f"ch_{order.id}", "order": order.number, "amount": amount, **what}
    await till.hear(
        Notice(kind=Kind.paid, event_id=f"paid{order.id}", name="test", at=NOON, **about), provider=provider
    )
    return order


async def test_orders_are_listed_and_shown(sop: Sop, till: Till, member: MakeMember) -> None:
    assert (await sop("orders", "list")).out == "No orders.\n"
    who = await member()
    paid, waiting = await sold(till, who), await till.order("year")
    ran = await sop("orders", "list")
    lines = [line.split() for line in ran.out.splitlines() if "CNY" in line]
    assert [line[0] for line in lines] == [shown(waiting.number), shown(paid.number)]
    assert "claim" not in (await sop("orders", "list", "--json")).out
    assert [row["state"] for row in json.loads((await sop("orders", "list", "--state", "paid", "--json")).out)] == [
        "paid"
    ]
    one = await sop("orders", "show", paid.number.lower())
    assert f"stripe:ch_{paid.id}" in one.out
    assert "199.00 CNY" in one.out
    shown_json = json.loads((await sop("orders", "show", paid.number, "--json")).out)
    assert [payment["state"] for payment in shown_json["payments"]] == ["matched"]
    assert "Nothing was paid" in (await sop("orders", "show", waiting.number)).out


async def test_which_page_sells_better(sop: Sop, till: Till, member: MakeMember) -> None:
    assert (await sop("orders", "variants", "--days", "3650")).out == "Nobody has opened a page.\n"
    seen = [("month", "price"), ("month", "price"), ("month", "benefits"), ("year", "price")]
    about = [{"plan": plan, "variant": variant, "new": True} for plan, variant in seen]
    await record(till.conn, [Activity("page_view", NOON, None, None, data) for data in about])
    await till.order("month", member_id=await member(), variant="benefits")
    for number, refunded in enumerate((None, 5000, 19900)):
        order = await till.order("month", member_id=await member(), variant="price")
        amount = Amount(minor=order.amount_minor, currency=order.currency)
        named = {"charge": f"c{number}", "order": order.number, "name": "test", "at": NOON}
        notices = [Notice(kind=Kind.paid, event_id=f"p{number}", amount=amount, **named)]
        if refunded:
            back = amount.model_copy(update={"minor": refunded})
            notices.append(Notice(kind=Kind.refunded, event_id=f"r{number}", amount=back, **named))
        await till.hear(*notices)
    found = json.loads((await sop("orders", "variants", "--days", "3650", "--json")).out)
    assert [tuple(row.values()) for row in found] == [
        ("month", "benefits", 1, 1, 0, []),
        ("month", "price", 2, 3, 2, [{"minor": 34800, "currency": "CNY"}]),
        ("year", "price", 1, 0, 0, []),
    ]
    ran = await sop("orders", "variants", "--days", "3650")
    assert "348.00 CNY" in ran.out
    assert "100.0 %" in ran.out


@pytest.mark.parametrize("number", ["nothing", "A7K2-93QX", HOSTILE, ""])
async def test_an_order_that_is_none(sop: Sop, bundle: Bundle, number: str) -> None:
    ran = await sop("orders", "show", number)
    assert (ran.code, ran.out) == (1, "")
    assert "no such order" in ran.err


async def test_a_payment_is_shown_with_its_events_and_what_was_booked(sop: Sop, till: Till, member: MakeMember) -> None:
    order = await sold(till, await member())
    for name in (f"ch_{order.id}", f"stripe:ch_{order.id}", shown(order.number)):
        ran = await sop("payments", "show", name)
        for part in ("What the provider said", "Booked", "revenue:month", "cash:stripe", "-199.00 CNY"):
            assert part in ran.out, part
    assert len(json.loads((await sop("payments", "show", order.number, "--json")).out)["ledger"]) == 2
    assert len(json.loads((await sop("payments", "list", "--json")).out)) == 1
    assert "no such payment" in (await sop("payments", "show", "x")).err


async def test_problems_and_their_end(sop: Sop, till: Till, member: MakeMember, conn: Connection) -> None:
    assert (await sop("payments", "problems")).out == "Nothing about money waits.\n"
    wrong = await sold(till, None, amount=Amount(minor=1, currency="CNY"))
    ran = await sop("payments", "problems")
    assert ran.out.startswith("1 thing about money waits for somebody.")
    assert "wrong_amount" in ran.out
    who = await member()
    ran = await sop("payments", "claim", wrong.number, who)
    assert f"is member {who}'s, for month: matched" in ran.out
    assert [row["plan"] for row in await table(conn, "terms")] == ["month"]
    assert (await sop("payments", "problems")).out == "Nothing about money waits.\n"
    assert f"it is member {who}'s" in (await sop("payments", "claim", wrong.number, who)).err
    assert "no such member" in (await sop("payments", "claim", wrong.number, 99)).err


async def test_a_refund_is_asked_of_the_provider(sop: Sop, till: Till, member: MakeMember, conn: Connection) -> None:
    order = await sold(till, await member())
    ran = await sop("payments", "refund", order.number)
    assert ran.out.startswith(f"stripe is asked to pay 199.00 CNY of stripe:ch_{order.id} back")
    assert [row["state"] for row in await table(conn, "refund_requests")] == ["approved"]
    await sop("payments", "refund", order.number)
    assert len(await table(conn, "refund_requests")) == 1
    assert (await table(conn, "terms"))[0]["revoked_at"] is None


async def test_a_members_wish_is_approved_by_the_command(
    sop: Sop, till: Till, bundle: Bundle, member: MakeMember, conn: Connection
) -> None:
    order = await sold(till, await member())
    payment = await refundable(conn, order.id)
    assert payment is not None
    await ask(conn, bundle.playbook, order, payment, NOON)
    assert "asked" in (await sop("payments", "problems")).out
    await sop("payments", "refund", order.number)
    [request] = await table(conn, "refund_requests")
    assert request["state"] == "approved"
    assert [task["outcome"] for task in await table(conn, "follow_ups")] == ["approved"]


async def test_staffs_word_that_it_went_back_ends_access(
    sop: Sop, till: Till, member: MakeMember, conn: Connection
) -> None:
    order = await sold(till, await member(), provider="ime")
    ran = await sop("payments", "refund", order.number)
    assert "Please pay 199.00 CNY" in ran.out
    assert "--done" in ran.out
    ran = await sop("payments", "refund", order.number, "--done")
    assert "went back, by your word: reversed" in ran.out
    assert (await table(conn, "terms"))[0]["revoked_at"] is not None
    assert [row["state"] for row in await table(conn, "orders")] == ["refunded"]
    assert [(task["kind"], task["outcome"]) for task in await table(conn, "follow_ups")] == [
        ("refund_by_hand", "paid back")
    ]
    assert (await sop("payments", "problems")).out == "Nothing about money waits.\n"
    await till.is_true()
    again = await sop("payments", "refund", order.number, "--done")
    assert (again.code, "nothing is left of it" in again.err) == (1, True)


async def test_invoices_are_listed_and_ticked(
    sop: Sop, till: Till, bundle: Bundle, member: MakeMember, conn: Connection
) -> None:
    assert (await sop("invoices", "list")).out == "Nobody waits for an invoice.\n"
    order = await sold(till, await member())
    wanted = InvoiceWanted(HOSTILE, "TAX-12345", "ann@example.com")
    await request_invoice(conn, bundle.playbook, await fresh(conn, order), wanted, NOON + timedelta(hours=1))
    ran = await sop("invoices", "list")
    for part in (shown(order.number), "TAX-12345", "ann@example.com"):
        assert part in ran.out
    assert "\x1b" not in ran.out
    assert json.loads((await sop("invoices", "list", "--json")).out)[0]["email"] == "ann@example.com"
    ran = await sop("invoices", "done", order.number)
    assert ran.out == f"The invoice of order {shown(order.number)} is written; its payer is told.\n"
    assert [task["outcome"] for task in await table(conn, "follow_ups")] == ["sent"]
    told = [row for row in await table(conn, "messages") if row["template"] == "bot/invoice_done"]
    assert [row["context"]["email"] for row in told] == ["ann@example.com"]
    assert "no invoice waits" in (await sop("invoices", "done", order.number)).err
    assert (await sop("invoices", "list", "--all")).out.count(shown(order.number)) == 1


async def fresh(conn: Connection, order: Order) -> Order:
    row = await (await conn.execute("SELECT * FROM orders WHERE id = %s", [order.id])).fetchone()
    assert row is not None
    return Order(**row)


async def test_what_failed_is_tried_again(sop: Sop, till: Till, member: MakeMember) -> None:
    assert (await sop("payments", "retry")).out == "No event has failed.\n"
    await sold(till, await member())
    await till.conn.execute("UPDATE provider_events SET state = 'failed', attempts = 8, error = 'RuntimeError'")
    assert (await sop("payments", "retry")).out == "1 event tried again within seconds.\n"
    row = await (await till.conn.execute("SELECT state, attempts FROM provider_events")).fetchone()
    assert row == {"state": "pending", "attempts": 0}


async def test_an_order_is_moved_to_another_account(sop: Sop, till: Till, member: MakeMember) -> None:
    who, other = await member(), await member()
    order = await sold(till, who)
    refused = await sop("payments", "claim", f"ch_{order.id}", other)
    assert f"it is member {who}'s" in refused.err
    assert "sop payments move" in refused.err
    ran = await sop("payments", "move", shown(order.number), "--to", other, "--note", " ")
    assert (ran.code, "say why" in ran.err) == (1, True)
    ran = await sop("payments", "move", shown(order.number), "--to", other, "--note", "wrote from it with the code")
    assert f"member {who} → {other}" in ran.out, ran.err
    assert [row["member_id"] for row in await table(till.conn, "payments")] == [other]
    told = await sop("orders", "show", order.number)
    assert "wrote from it with the code" in told.out
    moves = json.loads((await sop("orders", "show", order.number, "--json")).out)["moves"]
    assert [(each["from_member_id"], each["member_id"]) for each in moves] == [(who, other)]
    again = await sop("payments", "move", shown(order.number), "--to", other, "--note", "again")
    assert (again.code, "already" in again.err) == (1, True)
