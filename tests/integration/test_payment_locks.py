"""What callbacks, moves and staff do to one payment at once: one waits for the other, and then does what is right."""

import asyncio
from collections.abc import Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from community.database.pool import Connection, Pool
from community.errors import OrderRefused
from community.payments.events import StoredEvent, store
from community.payments.models import Order, Payment
from community.payments.moving import Word, move
from community.payments.notice import Notice
from community.payments.orders import find
from community.payments.refunds import ask, decide
from community.payments.work import work
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.pay_kit import Till, paid, refunded
from tests.integration.test_moving_orders import ann, new, shop

__all__ = ["ann", "new", "shop"]

LONG = 0.2
"""Seconds after which who has not come through waits."""


@pytest.fixture
async def order(shop: Till, ann: int) -> Order:
    """Ann's, paid."""
    opened = await shop.order(member_id=ann)
    await shop.hear(paid(order=opened.number))
    return opened


async def moved(shop: Till, conn: Connection, to: int) -> int:
    payment = Payment(**await shop.payment())
    return len(await move(conn, shop.bundle, payment, to, NOON, Word("op", "why"), bot_id=BOT_ID))


async def told(shop: Till, *notices: Notice) -> None:
    """The provider's callbacks are stored; nobody has settled them yet."""
    await store(shop.conn, [StoredEvent("ime", notice, "") for notice in notices])


async def settled(shop: Till, conn: Connection) -> None:
    assert await work(conn, shop.bundle, NOON, bot_id=BOT_ID)


@asynccontextmanager
async def waiting(pool: Pool, first: Any, second: Any) -> Any:
    """The second begins while the first has not committed, and waits; yields what comes of it."""
    async with pool.connection() as one, pool.connection() as two:
        async with one.transaction():
            await first(one)
            task = asyncio.create_task(_caught(second(two)))
            await asyncio.sleep(LONG)
            assert not task.done(), "it did not wait"
        yield await asyncio.wait_for(task, 10)


async def _caught(doing: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await doing
    except OrderRefused as refused:
        return refused


async def test_a_refund_waits_for_a_move_and_takes_from_who_has_it_then(
    shop: Till, ann: int, new: int, order: Order, pool: Pool
) -> None:
    await told(shop, refunded())
    async with waiting(pool, lambda conn: moved(shop, conn, new), lambda conn: settled(shop, conn)):
        assert await shop.terms(ann) == await shop.terms(new) == []
        assert (await shop.payment())["state"] == "reversed"
        assert (await shop.payment())["member_id"] == new
        await shop.is_true()


async def test_a_move_waits_for_a_refund_and_finds_nothing_to_move(
    shop: Till, ann: int, new: int, order: Order, pool: Pool
) -> None:
    await told(shop, refunded())
    async with waiting(pool, lambda conn: settled(shop, conn), lambda conn: moved(shop, conn, new)) as came:
        assert isinstance(came, OrderRefused)
        assert await shop.terms(ann) == await shop.terms(new) == []
        assert (await shop.payment())["member_id"] == ann
        await shop.is_true()


async def test_a_second_payment_waits_for_a_move_and_prolongs_what_was_moved(
    shop: Till, ann: int, new: int, order: Order, pool: Pool
) -> None:
    await told(shop, paid("c2", order=order.number))
    async with waiting(pool, lambda conn: moved(shop, conn, new), lambda conn: settled(shop, conn)):
        assert await shop.terms(ann) == []
        assert len(await shop.terms(new)) == 2
        await shop.is_true()


async def test_a_move_takes_a_payment_that_came_while_it_waited(
    shop: Till, ann: int, new: int, order: Order, pool: Pool
) -> None:
    await told(shop, paid("c2", order=order.number))
    async with waiting(pool, lambda conn: settled(shop, conn), lambda conn: moved(shop, conn, new)) as came:
        assert came == 2
        assert await shop.terms(ann) == []
        assert len(await shop.terms(new)) == 2
        await shop.is_true()


async def test_of_two_moves_of_an_order_the_second_moves_what_the_first_left(
    shop: Till, ann: int, new: int, order: Order, pool: Pool, member: MakeMember
) -> None:
    third = await member()
    async with waiting(pool, lambda conn: moved(shop, conn, new), lambda conn: moved(shop, conn, third)) as came:
        assert came == 1
        assert [len(await shop.terms(who)) for who in (ann, new, third)] == [0, 0, 1]
        found = await find(shop.conn, order.number)
        assert found is not None
        assert found.member_id == third
        await shop.is_true()


async def test_of_two_callbacks_of_a_payment_the_second_waits_and_adds_what_it_says(
    shop: Till, ann: int, pool: Pool
) -> None:
    opened = await shop.order(member_id=ann)
    await told(shop, paid(order=opened.number), refunded(9_900))
    async with waiting(pool, lambda conn: settled(shop, conn), lambda conn: settled(shop, conn)):
        assert await shop.balance() == {"cash:ime": 10_000, "revenue:month": -19_900, "refunds:month": 9_900}
        assert len(await shop.terms(ann)) == 1
        assert await shop.said(ann) == ["receipt", "refunded"]
        await shop.is_true()


async def test_of_two_words_on_a_refund_the_first_stands(shop: Till, order: Order, pool: Pool) -> None:
    wish = await ask(shop.conn, shop.bundle.playbook, order, Payment(**await shop.payment()), NOON)

    async def say(conn: Connection, *, approve: bool) -> Any:
        return await decide(conn, wish.request.id, NOON, approve=approve, by="op")

    async with waiting(pool, lambda conn: say(conn, approve=False), lambda conn: say(conn, approve=True)) as came:
        assert came is None
        assert (await shop.rows("SELECT state FROM refund_requests")) == [{"state": "refused"}]
