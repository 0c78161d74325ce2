"""Subscriptions: begun at the listed price, renewed, stopped; and who is reminded of an end."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from community.access.coverage import RENEWED_LATE, renewing
from community.access.terms import terms_of
from community.bot import subscriptions as bot_subscriptions
from community.bot.subscriptions import Subscriptions
from community.bundle import Bundle
from community.database.wakeup import Wakeup
from community.errors import OrderRefused
from community.members.people import by_id
from community.outbox.bundles import Bundles, publish
from community.outreach.explain import explain
from community.outreach.plan import preview
from community.payments.models import Order
from community.payments.notice import Kind
from community.payments.orders import NewOrder, Opened, open_order, price_of
from community.payments.stripe_api import StripeApi
from community.payments.subscriptions import MOST_STOPS, open_subscription
from community.privacy.personal import erase
from tests.integration.pay_kit import Till, paid, refunded, said
from tests.integration.rows import Edit
from tests.integration.shop_kit import fake_stripe
from tests.integration.telegram_kit import ANN, BOT_ID, NOW, Desk, desk, press, private
from tests.integration.test_bot_holdings import ann, coupon, last, shown

__all__ = ["desk"]

DAY = timedelta(days=1)
STAGE = "renewal_reminders"


class Stars:
    """Stands in for Telegram: its answers, the newest last, and what it was asked."""

    def __init__(self, *answers: str | None) -> None:
        self.answers, self.asked = list(answers), list[Any]()

    async def subscription_link(self, asked: dict[str, Any]) -> tuple[str | None, str | None]:
        self.asked.append(asked)
        error = self.answers.pop(0) if self.answers else None
        return error, None if error else f"https://t.me/${len(self.asked)}"

    async def stop_stars(self, payer: int, charge: str) -> str | None:
        self.asked.append((payer, charge))
        return self.answers.pop(0) if self.answers else None


class Shop:
    """The desk, with who asks the providers."""

    def __init__(self, desk: Desk, bundle: Bundle, url: str) -> None:
        self.desk, self.bundle, self.url, self.stars = desk, bundle, url, Stars()
        self.stripe: StripeApi | None = None
        self.at = NOW

    async def ask(self) -> None:
        """All that waits is brought before its provider."""
        worker = Subscriptions(self.desk.pool, Bundles(), Wakeup(self.url), self.stars, self.stripe, BOT_ID)  # type: ignore[arg-type]
        while await worker.next():
            pass
        await self.hear()

    async def fail(self, times: int) -> None:
        """What waits is brought before its provider again and again, which refuses."""
        self.stars.answers = ["Bad Gateway"] * times
        for _ in range(times):
            await self.desk.conn.execute("UPDATE subscription_requests SET retry_wall = NULL")
            await self.ask()

    async def tasks(self) -> list[tuple[str, bool]]:
        """For staff; whether each is done."""
        rows = await self.desk.rows("SELECT kind, done_at IS NOT NULL AS done FROM follow_ups ORDER BY id")
        return [(row["kind"], row["done"]) for row in rows]

    async def alerts(self) -> list[tuple[str, int]]:
        """What staff are told, and how often it happened."""
        rows = await self.desk.rows("SELECT what, times FROM alerts WHERE starts_with(subject, 'payment:subscription')")
        return [(row["what"], row["times"]) for row in rows]

    async def erase(self) -> None:
        member = await by_id(self.desk.conn, (await self.term()).member_id)
        assert member is not None
        await erase(self.desk.conn, member, "s", NOW)

    async def hear(self, *notices: Any, provider: str = "stars") -> None:
        await Till(self.desk.conn, self.bundle, self.at).hear(*notices, provider=provider)

    async def order(self) -> Order:
        return Order(**await self.desk.row("SELECT * FROM orders WHERE renews"))

    async def subscribe(self, currency: str = "XTR", plan: str = "month", provider: str = "stars") -> Order:
        """Ann has paid for the first period."""
        who = int((await self.desk.member())["id"])
        order = await open_subscription(self.desk.conn, self.bundle.playbook, who, plan, currency, self.at)
        await self.pay(order, "c1", provider)
        return order

    async def pay(self, order: Order, charge: str, provider: str = "stars") -> None:
        number = order.number if provider == "stars" else "sub_1"
        amount = self.bundle.playbook.plans[order.plan].price_in(order.currency)
        until = self.at + 30 * DAY
        await self.hear(
            paid(
                charge,
                order=order.number,
                amount=amount,
                subscription=number,
                period_ends_at=until,
                payer=ANN,
                at=self.at,
            ),
            provider=provider,
        )

    async def term(self) -> Any:
        return (await terms_of(self.desk.conn, int((await self.desk.member())["id"])))[-1]

    async def rungs(self, at: Any) -> list[str]:
        rows = await preview(self.desk.conn, self.bundle, STAGE, at)
        return [row["step"] for row in rows if row["reason"] is None]

    async def why_not(self, at: Any) -> str:
        who = int((await self.desk.member())["id"])
        return str((await explain(self.desk.conn, self.bundle, who, STAGE, at)).absence)


@pytest.fixture
async def shop(desk: Desk, bundle: Bundle, database_url: str) -> Shop:
    await ann(desk)
    return Shop(desk, bundle, database_url)


# Beginning.


async def test_the_link_follows_the_press_at_the_listed_price(shop: Shop) -> None:
    desk = shop.desk
    await coupon(desk, shop.bundle, "MINE", percent=10, member_id=(await desk.member())["id"])
    await desk.take(press("subscribe:month:1"))
    assert (await desk.said())[-1] != "payment/subscribe", "Telegram makes it first"
    await shop.ask()
    [asked] = shop.stars.asked
    order = await shop.order()
    assert (asked["payload"], asked["subscription_period"], asked["prices"][0]["amount"]) == (
        order.number, 2_592_000, 1500,
    )  # fmt: skip
    assert order.coupon_code is None
    assert (await last(desk))[1]["links"] == ["https://t.me/$1"]
    for locale in ("en", "zh-Hans", "zh-Hant"):
        assert "1500 XTR" in await shown(desk, locale)
    await desk.take(press("subscribe:month:1"), press(f"pay_order:{order.number}:1"))
    await shop.ask()
    assert len(shop.stars.asked) == 1, "the same order has the same link"
    assert (await last(desk))[1]["links"] == ["https://t.me/$1"]
    assert await desk.rows("SELECT FROM messages WHERE method = 'sendInvoice'") == []


async def test_paying_once_never_takes_the_subscriptions_order(shop: Shop) -> None:
    await shop.desk.take(press("subscribe:month:1"), press("pay:month:1"))
    assert [row["renews"] for row in await shop.desk.rows("SELECT renews FROM orders ORDER BY id")] == [True, False]


async def test_a_press_whose_process_died_is_answered_all_the_same(shop: Shop) -> None:
    """The wish is stored with the press; whoever asks comes later, and again if it dies between."""
    await shop.desk.take(press("subscribe:month:1"))
    await shop.desk.conn.execute("UPDATE subscription_requests SET attempts = 1, retry_wall = NULL")
    await shop.ask()
    assert (await last(shop.desk))[0] == "payment/subscribe"


async def test_while_telegram_makes_no_link_the_member_and_staff_are_told_so_in_the_end(shop: Shop) -> None:
    await shop.desk.take(press("subscribe:month:1"))
    shop.stars.answers = ["Bad Request"] * 6
    for _ in range(6):
        await shop.desk.conn.execute("UPDATE subscription_requests SET retry_wall = NULL")
        await shop.ask()
    assert (await shop.desk.row("SELECT state FROM subscription_requests"))["state"] == "failed"
    assert (await last(shop.desk))[1]["links"] == []
    assert "nothing was paid" in await shown(shop.desk)
    assert any("no link" in str(row) for row in await shop.desk.rows("SELECT * FROM alerts"))


@pytest.mark.parametrize(
    "data", ["subscribe:year:1", "subscribe:pack:1", "subscribe:nothing:1", "unsubscribe:1:1", "unsubscribe:x:1"]
)
async def test_what_cannot_be_is_not_wished(shop: Shop, data: str) -> None:
    before = await shop.desk.said()
    await shop.desk.take(press(data))
    assert await shop.desk.said() == before
    assert await shop.desk.rows("SELECT FROM subscription_requests") == []
    assert await shop.desk.rows("SELECT FROM orders") == []


async def test_one_is_enough(shop: Shop) -> None:
    await shop.subscribe()
    await shop.desk.take(press("buy:month:1"))
    assert (await last(shop.desk))[1]["renewals"] == []
    await shop.desk.take(press("subscribe:month:1"))
    assert (await last(shop.desk))[0] == "bot/membership"
    new = NewOrder(plan="month", currency="XTR", source="bot", member_id=(await shop.desk.member())["id"], renews=True)
    with pytest.raises(OrderRefused, match="one is enough"):
        await open_order(shop.desk.conn, shop.bundle.playbook, new, NOW)


async def test_one_is_enough_while_the_next_payment_is_late(shop: Shop) -> None:
    """Providers take it some hours late at times: the first one still runs, and can be stopped."""
    await shop.subscribe()
    ends_at = (await shop.term()).ends_at
    assert ends_at
    now = ends_at + timedelta(hours=6)
    who = int((await shop.desk.member())["id"])
    with pytest.raises(OrderRefused, match="subscription"):
        await open_subscription(shop.desk.conn, shop.bundle.playbook, who, "month", "XTR", now)
    assert renewing(await terms_of(shop.desk.conn, who), now) is not None
    assert renewing(await terms_of(shop.desk.conn, who), now + RENEWED_LATE) is None


async def test_what_renews_is_not_upgraded_before_it_is_stopped(shop: Shop) -> None:
    await shop.subscribe()
    term, who = await shop.term(), int((await shop.desk.member())["id"])
    new = NewOrder(plan="year", currency="CNY", source="bot", member_id=who, upgrade_of=term.id)
    with pytest.raises(OrderRefused, match="stop that first"):
        await price_of(shop.desk.conn, shop.bundle.playbook, new, NOW + DAY)


# Going on and stopping.


async def test_the_receipt_says_that_it_renews_and_how_to_stop(shop: Shop) -> None:
    await shop.subscribe()
    for locale, words in (("en", "renews by itself"), ("zh-Hans", "自动续费"), ("zh-Hant", "自動續費")):
        assert words in await shown(shop.desk, locale)
    await shop.desk.take(private("membership"))
    assert "renews by itself" in await shown(shop.desk)
    assert [each["title"] for each in (await last(shop.desk))[1]["renewals"]] == ["Monthly membership"]


async def stop(shop: Shop) -> None:
    await shop.desk.take(press(f"unsubscribe:{(await shop.term()).id}:1"))
    await shop.ask()


async def test_stopped_by_the_member_at_telegram_by_its_first_payment(shop: Shop) -> None:
    order = await shop.subscribe()
    shop.at = NOW + 30 * DAY
    await shop.pay(order, "c2")
    assert [term.renews for term in await terms_of(shop.desk.conn, (await shop.term()).member_id)] == [True, True]
    await stop(shop)
    assert shop.stars.asked == [(ANN, "c1")]
    template, context = await last(shop.desk)
    assert (template, context["stopped"], context["until"]) == (
        "payment/unsubscribed", True, (await shop.term()).ends_at.isoformat(),
    )  # fmt: skip
    for locale in ("en", "zh-Hans", "zh-Hant"):
        assert await shown(shop.desk, locale)
    assert not (await shop.term()).renews
    await shop.desk.take(private("membership"))
    assert (await last(shop.desk))[1]["renewals"] == []
    await Till(shop.desk.conn, shop.bundle).is_true()


async def test_another_members_subscription_is_not_stopped(shop: Shop) -> None:
    await shop.subscribe()
    await shop.desk.take(press(f"unsubscribe:{(await shop.term()).id}:1", 18))
    assert await shop.desk.rows("SELECT FROM subscription_requests") == []


async def press_stop(shop: Shop, cause: int = 1) -> None:
    await shop.desk.take(press(f"unsubscribe:{(await shop.term()).id}:{cause}"))


async def test_what_telegram_does_not_stop_is_told_once_and_tried_on_until_it_is_stopped(shop: Shop) -> None:
    await shop.subscribe()
    await press_stop(shop)
    await shop.fail(5)
    assert await shop.tasks() == []
    await shop.fail(25)
    assert await shop.tasks() == [("subscription", False)]
    assert [times for _, times in await shop.alerts()] == [1]
    assert (await last(shop.desk))[1]["stopped"] is False
    assert (await shop.desk.said()).count("payment/unsubscribed") == 1
    assert (await shop.term()).renews
    await shop.desk.conn.execute("UPDATE subscription_requests SET retry_wall = NULL")
    await shop.ask()
    assert not (await shop.term()).renews
    assert (await last(shop.desk))[1]["stopped"] is True
    assert await shop.tasks() == [("subscription", True)]


async def test_the_pauses_grow_to_six_hours_and_it_is_tried_for_a_month(shop: Shop) -> None:
    await shop.subscribe()
    await press_stop(shop)
    pauses = []
    shop.stars.answers = ["Bad Gateway"] * (MOST_STOPS + 1)
    while (await shop.desk.row("SELECT state FROM subscription_requests"))["state"] == "asked":
        await shop.desk.conn.execute("UPDATE subscription_requests SET retry_wall = NULL")
        await shop.ask()
        row = await shop.desk.row("SELECT retry_wall - clock_timestamp() AS pause FROM subscription_requests")
        pauses.append(row["pause"].total_seconds())
    assert pauses[0] < 11
    assert pauses == sorted(pauses[:13]) + pauses[13:]
    assert 21_000 < pauses[-1] <= 21_600
    assert sum(pauses) > 28 * 24 * 3600
    assert [times for _, times in await shop.alerts()] == [1]


async def test_who_presses_again_while_it_hangs_is_answered_at_once(shop: Shop) -> None:
    await shop.subscribe()
    await press_stop(shop)
    await shop.fail(9)
    await press_stop(shop, 2)
    shop.stars.answers = ["Bad Gateway"]
    await shop.ask()
    assert (await shop.desk.said()).count("payment/unsubscribed") == 2
    assert await shop.tasks() == [("subscription", False)]


async def test_a_process_that_dies_when_telegram_has_agreed_is_made_good(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies after the answer and before it is kept; the next one asks again, which changes nothing there."""
    await shop.subscribe()
    await press_stop(shop)

    async def die(*_: Any, **__: Any) -> str:
        raise asyncio.CancelledError

    with monkeypatch.context() as dying, pytest.raises(asyncio.CancelledError):
        dying.setattr(bot_subscriptions, "answered", die)
        await shop.ask()
    assert (await shop.term()).renews, "nothing is known of the answer"
    await shop.ask()
    assert len(shop.stars.asked) == 1, "not again before a while"
    await shop.desk.conn.execute("UPDATE subscription_requests SET retry_wall = NULL")
    await shop.ask()
    assert shop.stars.asked == [(ANN, "c1")] * 2
    assert not (await shop.term()).renews
    assert (await shop.desk.said()).count("payment/unsubscribed") == 1
    assert await shop.tasks() == []


async def test_a_payment_after_it_was_stopped_goes_on(shop: Shop) -> None:
    """The member has taken it up again in Telegram, which does not tell the bot."""
    order = await shop.subscribe()
    await stop(shop)
    shop.at = NOW + 30 * DAY
    await shop.pay(order, "c2")
    assert (await shop.term()).renews


async def test_who_has_the_newest_payment_back_is_charged_no_more(shop: Shop) -> None:
    order = await shop.subscribe()
    shop.at = NOW + 30 * DAY
    await shop.pay(order, "c2")
    await shop.hear(refunded(charge="c1", at=shop.at))
    await shop.ask()
    assert shop.stars.asked == [], "an older one's refund stops nothing"
    await shop.hear(refunded(charge="c2", at=shop.at))
    assert "not charged again" in await shown(shop.desk)
    await shop.ask()
    assert shop.stars.asked == [(ANN, "c1")]
    assert "payment/unsubscribed" not in await shop.desk.said(), "nobody waits for an answer"


async def test_who_is_erased_is_charged_no_more_and_their_number_goes(shop: Shop) -> None:
    await shop.subscribe()
    await shop.erase()
    await shop.ask()
    assert shop.stars.asked == [(ANN, "c1")]
    row = await shop.desk.row("SELECT payer, member_id, state FROM subscription_requests")
    assert row == {"payer": None, "member_id": None, "state": "done"}


async def test_who_is_erased_and_subscribed_where_we_cannot_ask_is_told_to_staff(shop: Shop) -> None:
    await shop.subscribe("CNY", "quarter", "ime")
    await shop.erase()
    await shop.ask()
    assert await shop.alerts() == [("A payment needs somebody: stop it by hand: ime:sub_1", 1)]
    row = await shop.desk.row("SELECT payer, member_id, state FROM subscription_requests")
    assert row == {"payer": None, "member_id": None, "state": "failed"}


async def test_who_has_their_money_back_where_we_cannot_ask_is_a_task(shop: Shop) -> None:
    await shop.subscribe("CNY", "quarter", "ime")
    price = shop.bundle.playbook.plans["quarter"].price_in("CNY")
    await shop.hear(refunded(charge="c1", amount=price, at=shop.at), provider="ime")
    assert "not charged again" not in await shown(shop.desk)
    await shop.ask()
    assert await shop.tasks() == [("subscription", False)]
    assert [times for _, times in await shop.alerts()] == [1]


# At Stripe.


async def test_stopped_at_stripe_with_the_period_that_is_paid(shop: Shop) -> None:
    await shop.subscribe("CNY", "quarter", "stripe")
    async with fake_stripe() as (fake, address):
        shop.stripe = StripeApi("sk_test_0123456789abcdef", address)
        fake.status = 402
        await stop(shop)
        assert (await shop.term()).renews
        fake.status = 200
        await shop.desk.conn.execute("UPDATE subscription_requests SET retry_wall = NULL")
        await shop.ask()
    path, fields, key = fake.asked[-1]
    assert (path, fields) == ("/v1/subscriptions/sub_1", {"cancel_at_period_end": "true"})
    assert key not in [key for *_, key in fake.asked[:-1]]
    assert not (await shop.term()).renews
    assert (await last(shop.desk))[1]["stopped"]


async def test_what_is_over_at_stripe_is_stopped(shop: Shop) -> None:
    """Stripe had agreed, the process died, and the period ended before anybody asked again."""
    await shop.subscribe("CNY", "quarter", "stripe")
    async with fake_stripe() as (fake, address):
        shop.stripe = StripeApi("sk_test_0123456789abcdef", address)
        fake.status = 400
        await stop(shop)
        assert (await shop.term()).renews, "it runs, and Stripe refuses"
        fake.subscription = "canceled"
        await shop.desk.conn.execute("UPDATE subscription_requests SET retry_wall = NULL")
        await shop.ask()
    assert not (await shop.term()).renews
    keys = [key for path, _, key in fake.asked if key]
    assert len(keys) == len(set(keys)) == 2, "under one key Stripe would refuse again, whatever has become of it"


async def test_stripe_says_that_it_stops_and_that_it_goes_on_after_all(shop: Shop) -> None:
    await shop.subscribe("CNY", "quarter", "stripe")
    about = {"charge": None, "subscription": "sub_1"}
    await shop.hear(said(Kind.subscription_changed, at=NOW + DAY, **about), provider="stripe")
    assert (await shop.term()).renews
    await shop.hear(said(Kind.subscription_ended, at=NOW + 2 * DAY, **about), provider="stripe")
    assert not (await shop.term()).renews
    shop.at = NOW + 3 * DAY
    await shop.hear(said(Kind.subscription_changed, at=NOW + 3 * DAY, **about), provider="stripe")
    assert (await shop.term()).renews
    await shop.hear(said(Kind.subscription_ended, at=NOW + 2 * DAY, **about), provider="stripe")
    assert (await shop.term()).renews, "what came late was said before"


# Who is reminded (SOP 1.22).


def before_end(ends_at: Any, days: int) -> Any:
    """Midday (in Shanghai) so many days before."""
    return ends_at.replace(hour=5, minute=0) - days * DAY


async def test_while_it_runs_nobody_is_reminded_and_explain_says_why(shop: Shop) -> None:
    await shop.subscribe()
    ends_at = (await shop.term()).ends_at
    for days in (8, 7, 4, 3, 1, 0):
        assert await shop.rungs(before_end(ends_at, days)) == [], days
    assert await shop.why_not(before_end(ends_at, 3)) == "renews"
    assert await shop.rungs(before_end(ends_at, -3)) == ["winback_3"], "no further payment came"


async def test_once_stopped_they_are_reminded_as_all_others(shop: Shop) -> None:
    await shop.subscribe()
    await stop(shop)
    ends_at = (await shop.term()).ends_at
    assert await shop.rungs(before_end(ends_at, 3)) == ["month_3"]
    assert (await shop.term()).cancelled_at is None


async def test_or_left_alone_as_the_playbook_says(shop: Shop, edited: Edit) -> None:
    payments = shop.bundle.source["payments"]
    shop.bundle = edited(payments={**payments, "remind_stopped": False})
    await publish(shop.desk.conn, shop.bundle, "test")
    await shop.subscribe()
    await stop(shop)
    ends_at = (await shop.term()).ends_at
    assert await shop.rungs(before_end(ends_at, 3)) == []
    assert await shop.why_not(before_end(ends_at, 3)) == "cancelled"


async def test_a_month_bought_besides_is_not_reminded_of_before_the_subscriptions_end(shop: Shop) -> None:
    await shop.subscribe("CNY", "quarter", "stripe")
    who, ends_at = (await shop.term()).member_id, (await shop.term()).ends_at
    opened = await open_order(
        shop.desk.conn, shop.bundle.playbook, NewOrder(plan="month", currency="XTR", source="bot", member_id=who), NOW
    )
    assert isinstance(opened, Opened)
    order = opened.order
    await shop.hear(paid("m1", order=order.number, amount=shop.bundle.playbook.plans["month"].price_in("XTR")))
    later = (await shop.term()).ends_at
    assert later > ends_at
    assert await shop.rungs(before_end(ends_at, 1)) == []
    assert await shop.rungs(before_end(later, 7)) == ["month_7"], "without a further payment nothing puts it off"
