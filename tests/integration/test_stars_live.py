"""Stars over HTTP: an invoice, Telegram's question, the payment, its receipt with the way in; and the Stars back."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from community.bot import entry_links
from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.outbox.bundles import Bundles
from community.payments.models import Order
from community.payments.orders import NewOrder, Opened, find, open_order
from community.payments.providers import stars
from community.payments.star_invoice import stars_invoice, words_of
from community.payments.workers import PaymentWorkers
from tests.integration.test_bot_live import ANN, BEN, OWNER, Live, live, telegram

__all__ = ["live", "telegram"]


@pytest.fixture
def shipped(shipped: Bundle) -> Bundle:
    """A month opens the group VIP; three links are made ahead."""
    source = shipped.source
    plans = source["plans"] | {"month": {**source["plans"]["month"], "chats": ["VIP"]}}
    return Bundle({**source, "plans": plans, "access": {**source["access"], "links_ready": 3}}, shipped.copy)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Supplies are looked at often, and a chat rests shortly."""
    monkeypatch.setattr(entry_links, "SUPPLY_S", 0.1)
    monkeypatch.setattr(entry_links, "RESTS_S", (0.3,))
    monkeypatch.setattr(entry_links, "POLL_S", 0.2)


@pytest.fixture
async def vip(live: Live) -> int:
    """A private group that the bot administers, known to it, with links made ahead."""
    group = await live.telegram.create_group("VIP", owner=OWNER, bots=[])
    await live.telegram.add_bot(OWNER, group, admin=True)
    await live.until(lambda: _number(live, "SELECT count(*) AS n FROM entry_links WHERE made_at IS NOT NULL", 3))
    return group


@pytest.fixture
async def till(live: Live, pool: Pool) -> AsyncIterator[Live]:
    """The service with the workers that settle payments; Ann and Ben have started the bot."""
    workers = asyncio.create_task(PaymentWorkers(pool, Bundles(), live.wakeup, live.settings.bot_id).run())
    for who in (ANN, BEN):
        await live.telegram.start(who)
        await live.until_received(who, 1)
    yield live
    workers.cancel()
    await asyncio.gather(workers, return_exceptions=True)


async def _number(live: Live, query: str, least: int = 1) -> bool:
    row = await (await live.conn.execute(query)).fetchone()
    return row is not None and row["n"] >= least


async def ordered(live: Live, bundle: Bundle, who: int = ANN) -> Order:
    """An order in Stars, whose invoice is on its way."""
    row = await (await live.conn.execute("SELECT id FROM members WHERE telegram_id = %s", [who])).fetchone()
    assert row is not None
    new, at = NewOrder(plan="month", currency="XTR", source="bot", member_id=row["id"]), datetime.now(UTC)
    opened = await open_order(live.conn, bundle.playbook, new, at)
    assert isinstance(opened, Opened)
    await stars_invoice(live.conn, bundle, opened.order, at, cause="test", bot_id=live.settings.bot_id)
    live.wakeup.ring("sop_outbox")
    return opened.order


async def invoice(live: Live, who: int = ANN) -> dict[str, Any]:
    """The newest invoice that the member has."""

    async def found() -> dict[str, Any] | None:
        return next((each for each in reversed(await live.telegram.history(user=who)) if "invoice" in each), None)

    message: dict[str, Any] = await live.until(found)
    return message


async def event(live: Live, kind: str) -> dict[str, Any]:
    async def settled() -> dict[str, Any] | None:
        query = "SELECT * FROM provider_events WHERE kind = %s AND state = 'handled' ORDER BY received_wall DESC"
        return await (await live.conn.execute(query, [kind])).fetchone()

    row: dict[str, Any] = await live.until(settled)
    return row


async def said(live: Live, step: str, who: int = ANN) -> dict[str, Any]:
    """The message of that step, once it was sent."""

    async def sent() -> dict[str, Any] | None:
        query = "SELECT * FROM messages WHERE chat_id = %s AND stage = 'payment' AND step = %s AND state = 'sent'"
        return await (await live.conn.execute(query, [who, step])).fetchone()

    row: dict[str, Any] = await live.until(sent)
    return row


async def test_from_the_invoice_to_the_receipt_with_the_way_in_and_back(till: Live, vip: int, shipped: Bundle) -> None:
    order = await ordered(till, shipped)
    message = await invoice(till)
    assert (message["invoice"]["currency"], message["invoice"]["total_amount"]) == ("XTR", 1500)
    began = time.monotonic()
    number = await till.telegram.pay(ANN, message=message["message_id"])
    paid = await till.telegram.wait_paid(number)
    assert paid["state"] == "paid", paid
    receipt = await said(till, "receipt")
    assert time.monotonic() - began < 3
    kept = await event(till, "paid")
    assert (kept["provider"], kept["charge"], kept["order_number"]) == ("stars", paid["charge_id"], order.number)
    [entry] = receipt["context"]["entries"]
    await till.telegram.follow(BEN, entry["address"])
    assert await till.telegram.join_requests(vip), "it asks to join, and lets nobody in"

    assert await till.service.direct.refund_stars(ANN, paid["charge_id"]) is None
    assert await till.service.direct.refund_stars(ANN, paid["charge_id"]) is None, "it is so already"
    await event(till, "refunded")
    await said(till, "refunded")

    async def closed() -> bool:
        found = [each for each in await till.telegram.invite_links(vip) if each["invite_link"] == entry["address"]]
        return bool(found) and found[0]["is_revoked"]

    await till.until(closed)
    again = await find(till.conn, order.number)
    assert again is not None
    assert again.state == "refunded"
    assert await till.service.direct.refund_stars(BEN, "nothing") == "Charge_not_found"


async def test_a_second_press_and_anothers_are_refused_with_a_reason(till: Live, shipped: Bundle) -> None:
    order = await ordered(till, shipped)
    message = await invoice(till)
    await till.conn.execute("UPDATE orders SET state = 'cancelled' WHERE id = %s", [order.id])
    refused = await till.telegram.wait_paid(await till.telegram.pay(ANN, message=message["message_id"]))
    assert (refused["state"], bool(refused["error"])) == ("refused", True)
    assert "BOT_PRECHECKOUT_TIMEOUT" not in refused["error"]
    row = await (await till.conn.execute("SELECT count(*) AS n FROM provider_events")).fetchone()
    assert row == {"n": 0}


async def test_a_monthly_subscription_by_its_link(till: Live, shipped: Bundle) -> None:
    order = await ordered(till, shipped, BEN)
    asked = stars.invoice(order, *words_of(shipped, order, "en"))
    link = await till.service.direct._bot.create_invoice_link(**asked, subscription_period=timedelta(days=30))
    paid = await till.telegram.wait_paid(await till.telegram.pay(BEN, link=link))
    assert paid["state"] == "paid", paid
    kept = await event(till, "paid")
    assert kept["subscription"] == order.number
    assert abs(kept["period_ends_at"] - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=5)
    await said(till, "receipt", BEN)


async def test_who_waits_for_a_way_in_is_sent_it_once_the_bot_may_invite(
    till: Live, shipped: Bundle, conn: Connection
) -> None:
    order = await ordered(till, shipped)
    group = await till.telegram.create_group("VIP", owner=OWNER, bots=[])
    await till.telegram.add_bot(OWNER, group, admin=True, rights=["can_delete_messages"])
    await till.until(lambda: _number(till, "SELECT count(*) AS n FROM groups WHERE title = 'VIP'"))
    message = await invoice(till)
    await till.telegram.wait_paid(await till.telegram.pay(ANN, message=message["message_id"]))
    receipt = await said(till, "receipt")
    assert (receipt["context"]["entries"], receipt["context"]["awaited"]) == ([], ["VIP"])
    await till.until(lambda: _number(till, "SELECT count(*) AS n FROM alerts WHERE subject LIKE 'entry-link:%'"))
    await till.telegram.add_bot(OWNER, group, admin=True, rights=["can_invite_users"])
    entry = await said(till, "entry")
    assert entry["context"]["entries"][0]["address"].startswith("https://t.me/")
    assert order.number
