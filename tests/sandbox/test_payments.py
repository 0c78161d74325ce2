"""Invoices, pre-checkout, payment, refund, transactions."""

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from telegram import Bot, LabeledPrice, Message, PreCheckoutQuery, StarTransaction, TransactionPartnerUser
from telegram.error import BadRequest

from community.sandbox.accounts import User
from community.sandbox.actions import perform
from community.sandbox.client import SandboxClient, SandboxError
from community.sandbox.methods import METHODS, Call
from community.sandbox.params import Params
from community.sandbox.stars import NANO
from community.sandbox.world import World

from .conftest import ANN, BOB, EVE, RawCaller, Served

TICKET: dict[str, Any] = {"title": "Ticket", "description": "One evening", "payload": "t-1"}
STARS: dict[str, Any] = TICKET | {"currency": "XTR", "prices": [{"label": "Ticket", "amount": 50}]}
CARD: dict[str, Any] = TICKET | {
    "currency": "EUR", "provider_token": "1:TEST:x", "prices": [{"label": "a", "amount": 500}],
}  # fmt: skip


async def invoice(bot: Bot, sandbox: SandboxClient, user: int = ANN, amount: int = 50, **more: Any) -> Message:
    await sandbox.start(user)
    await bot.get_updates(offset=-1)
    return await bot.send_invoice(user, **TICKET, currency="XTR", prices=[LabeledPrice("Ticket", amount)], **more)


async def query(bot: Bot) -> PreCheckoutQuery:
    found = (await bot.get_updates())[-1].pre_checkout_query
    assert found is not None
    return found


async def test_stars_change_hands_once_the_bot_agrees(bot: Bot, sandbox: SandboxClient) -> None:
    message = await invoice(bot, sandbox)
    assert message.invoice is not None
    assert (message.invoice.currency, message.invoice.total_amount) == ("XTR", 50)
    assert message.reply_markup is not None
    assert message.reply_markup.inline_keyboard[0][0].text == "Pay ⭐️50"
    number = await sandbox.pay(ANN, message=message.message_id)
    asked = await query(bot)
    assert (asked.from_user.id, asked.total_amount, asked.invoice_payload) == (ANN, 50, "t-1")
    assert (await sandbox.payment(number))["state"] == "waiting"
    await bot.answer_pre_checkout_query(asked.id, ok=True)
    paid = await sandbox.wait_paid(number)
    service = (await bot.get_updates())[-1].message
    assert service is not None
    assert service.successful_payment is not None
    assert service.successful_payment.telegram_payment_charge_id == paid["charge_id"]
    assert service.successful_payment.provider_payment_charge_id
    assert not service.successful_payment.is_recurring
    assert paid["receipt"] == service.message_id
    assert (await bot.get_my_star_balance()).amount == 50
    assert await sandbox.add_stars(0, user=ANN) == 9_950
    [seen] = [each for each in await sandbox.history(user=ANN) if "invoice" in each]
    assert [each["state"] for each in seen["invoice"]["payments"]] == ["paid"]
    with pytest.raises(SandboxError, match="is its receipt"):
        await sandbox.pay(ANN, message=message.message_id)


class Till:
    """Watches how payments stand, and what is left in purses."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def message(self, message: Any) -> None:
        self.seen += [payment["state"] for payment in message.as_seen().get("invoice", {}).get("payments", [])]

    def account(self, account: Any) -> None:
        if isinstance(account, User):
            self.seen.append(f"{account.stars} Stars")

    def chat(self, chat: Any) -> None:
        """Of no interest."""

    def record(self, record: Any) -> None:
        """Of no interest."""

    def reset(self) -> None:
        """Of no interest."""


async def test_watchers_see_a_payment_go_its_way(bot: Bot, sandbox: SandboxClient, served: Served) -> None:
    message, watcher = await invoice(bot, sandbox), Till()
    served.app.world.live.watchers.add(watcher)
    await sandbox.pay(ANN, message=message.message_id)
    assert watcher.seen == ["waiting", "10000 Stars"]
    await (await query(bot)).answer(ok=True)
    served.app.world.live.watchers.discard(watcher)
    assert watcher.seen[2:] == ["paid", "9950 Stars"]


async def test_the_pay_button_pays(bot: Bot, sandbox: SandboxClient) -> None:
    message = await invoice(bot, sandbox)
    assert (await sandbox.press(ANN, text="Pay ⭐️50", message=message.message_id))["payment"] == 1
    with pytest.raises(SandboxError, match="waits for the bot"):
        await sandbox.pay(ANN, message=message.message_id)


async def test_a_bot_that_says_no_tells_the_buyer_why(bot: Bot, sandbox: SandboxClient) -> None:
    message = await invoice(bot, sandbox)
    number = await sandbox.pay(ANN, message=message.message_id)
    asked = await query(bot)
    with pytest.raises(BadRequest, match="error_message"):
        await bot.answer_pre_checkout_query(asked.id, ok=False)
    await bot.answer_pre_checkout_query(asked.id, ok=False, error_message="Sold out")
    assert (await sandbox.payment(number))["error"] == "Sold out"
    for again in (asked.id, "1"):
        with pytest.raises(BadRequest, match=r"(?i)query is too old"):
            await bot.answer_pre_checkout_query(again, ok=True)
    assert (await bot.get_my_star_balance()).amount == 0
    assert await sandbox.pay(ANN, message=message.message_id) == 2


async def test_another_bot_may_not_answer(bot: Bot, other: Bot, sandbox: SandboxClient) -> None:
    await sandbox.pay(ANN, message=(await invoice(bot, sandbox)).message_id)
    asked = await query(bot)
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await other.answer_pre_checkout_query(asked.id, ok=True)


async def test_ten_seconds_and_no_answer_fail_the_payment(bot: Bot, sandbox: SandboxClient) -> None:
    message = await invoice(bot, sandbox)
    await sandbox.set_clock(2_000_000_000, frozen=True)
    number = await sandbox.pay(ANN, message=message.message_id)
    await sandbox.advance_clock(9.5)
    assert (await sandbox.payment(number))["state"] == "waiting"
    await sandbox.advance_clock(0.5)
    assert (await sandbox.payment(number))["error"] == "BOT_PRECHECKOUT_TIMEOUT"
    late = (await query(bot)).id
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await bot.answer_pre_checkout_query(late, ok=True)


async def test_running_time_fails_a_payment_by_itself(bot: Bot, sandbox: SandboxClient) -> None:
    number = await sandbox.pay(ANN, message=(await invoice(bot, sandbox)).message_id)
    await sandbox.advance_clock(9.95)
    assert (await sandbox.wait_paid(number, within=2))["error"] == "BOT_PRECHECKOUT_TIMEOUT"


async def test_who_has_too_few_stars_cannot_pay(bot: Bot, sandbox: SandboxClient) -> None:
    messages = [await invoice(bot, sandbox) for _ in range(2)]
    await sandbox.add_stars(-9_940, user=ANN)
    numbers = [await sandbox.pay(ANN, message=message.message_id) for message in messages]
    for update in (await bot.get_updates())[-2:]:
        assert update.pre_checkout_query is not None
        await update.pre_checkout_query.answer(ok=True)
    assert [(await sandbox.payment(number))["error"] for number in numbers] == [None, "BALANCE_TOO_LOW"]
    with pytest.raises(SandboxError, match="BALANCE_TOO_LOW"):
        await sandbox.pay(ANN, message=messages[1].message_id)
    with pytest.raises(SandboxError, match="has 10 Stars"):
        await sandbox.add_stars(-11, user=ANN)


async def test_a_link_is_paid_by_anybody_and_opens_the_chat(bot: Bot, sandbox: SandboxClient) -> None:
    link = await bot.create_invoice_link(**TICKET, currency="XTR", prices=[LabeledPrice("Ticket", 7)])
    asked_for = await sandbox.invoice(link)
    assert (asked_for["title"], asked_for["total_amount"], asked_for["bot"]) == ("Ticket", 7, bot.id)
    for buyer in (BOB, BOB, EVE):
        number = await sandbox.pay(buyer, link=link)
        await bot.answer_pre_checkout_query((await query(bot)).id, ok=True)
        assert (await sandbox.payment(number))["state"] == "paid"
    assert await bot.send_message(EVE, "thanks")
    await sandbox.block(BOB)
    with pytest.raises(SandboxError, match="blocked"):
        await sandbox.pay(BOB, link=link)
    with pytest.raises(SandboxError, match="no invoice link"):
        await sandbox.pay(BOB, link="https://t.me/$no")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"title": ""}, 'parameter "title" is required'),
        ({"title": "x" * 33}, "at most 32"),
        ({"description": "x" * 256}, "255"),
        ({"payload": "ä" * 65}, "INVOICE_PAYLOAD_INVALID"),
        ({"prices": []}, "there must be at least one price"),
        ({"prices": [{"label": "a"}]}, 'Can\'t find field "amount"'),
        ({"prices": [{"label": "", "amount": 1}]}, "label must be non-empty"),
        ({"prices": [1]}, "expected an Array of LabeledPrice"),
        ({"prices": [{"label": "a", "amount": 1}] * 2}, "STARS_INVOICE_INVALID"),
        ({"prices": [{"label": "a", "amount": 0}]}, "CURRENCY_TOTAL_AMOUNT_INVALID"),
        ({"prices": [{"label": "a", "amount": 100_001}]}, "CURRENCY_TOTAL_AMOUNT_INVALID"),
        ({"provider_token": "x"}, "STARS_INVOICE_INVALID"),
        ({"max_tip_amount": 5}, "STARS_INVOICE_INVALID"),
        ({"currency": "EUR"}, "PAYMENT_PROVIDER_INVALID"),
        ({"currency": "EUR", "provider_token": "1:LIVE:x"}, "PAYMENT_PROVIDER_INVALID"),
        ({"photo_url": "nowhere"}, "WEBDOCUMENT_URL_INVALID"),
        ({"subscription_period": 86_400}, "SUBSCRIPTION_PERIOD_INVALID"),
        ({"subscription_period": 2_592_000, "prices": [{"label": "a", "amount": 10_001}]}, "SUBSCRIPTION_AMOUNT"),
        (CARD | {"subscription_period": 2_592_000}, "SUBSCRIPTION_PERIOD_INVALID"),
    ],
)
async def test_what_no_invoice_may_be(call: RawCaller, changes: dict[str, Any], why: str) -> None:
    status, answer = await call("createInvoiceLink", **STARS | changes)
    assert (status, why in answer["description"]) == (400, True), answer


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([[{"text": "Info", "callback_data": "i"}]], "REPLY_MARKUP_BUY_EMPTY"),
        ([[{"text": "Info", "callback_data": "i"}, {"text": "Pay", "pay": True}]], "BUTTON_POS_INVALID"),
        ([[{"text": "Pay", "pay": True}], [{"text": "Pay", "pay": True}]], "BUTTON_POS_INVALID"),
    ],
)
async def test_the_pay_button_comes_first(call: RawCaller, sandbox: SandboxClient, rows: Any, why: str) -> None:
    await sandbox.start(ANN)
    _, answer = await call("sendInvoice", chat_id=ANN, reply_markup={"inline_keyboard": rows}, **STARS)
    assert why in answer["description"]


async def test_pay_buttons_are_for_invoices_only(call: RawCaller, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    markup = {"inline_keyboard": [[{"text": "Pay", "pay": True}]]}
    _, answer = await call("sendMessage", chat_id=ANN, text="x", reply_markup=markup)
    assert "BUTTON_TYPE_INVALID" in answer["description"]
    status, answer = await call("sendInvoice", chat_id=ANN, reply_markup=markup, **STARS)
    assert (status, answer["result"]["reply_markup"]) == (200, markup)


async def test_a_forwarded_invoice_is_payable_unless_it_leads_to_the_bot(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Club", members=[BOB], owner=EVE)
    open_one, closed = [await invoice(bot, sandbox, start_parameter=parameter) for parameter in ("", "buy")]
    copies = [await bot.forward_message(group, ANN, message.message_id) for message in (open_one, closed)]
    for buyer in (BOB, EVE, BOB):
        await sandbox.pay(buyer, chat=group, message=copies[0].message_id)
        await bot.answer_pre_checkout_query((await query(bot)).id, ok=True)
    assert copies[1].reply_markup is not None
    assert copies[1].reply_markup.inline_keyboard[0][0].url == f"https://t.me/{bot.username}?start=buy"
    with pytest.raises(SandboxError, match="leads to the bot"):
        await sandbox.pay(BOB, chat=group, message=copies[1].message_id)
    with pytest.raises(SandboxError, match="is not in"):
        await sandbox.pay(ANN, chat=group, message=copies[0].message_id)
    with pytest.raises(BadRequest, match=r"(?i)can't be copied"):
        await bot.copy_message(group, ANN, open_one.message_id)


async def test_other_money_is_paid_in_play(call: RawCaller, bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    _, answer = await call("sendInvoice", chat_id=ANN, need_name=True, need_email=True, **CARD)
    number = await sandbox.pay(ANN, message=answer["result"]["message_id"])
    asked = await query(bot)
    assert asked.order_info is not None
    assert (asked.order_info.name, asked.order_info.email) == ("Ann", "user17@example.org")
    await asked.answer(ok=True)
    assert await sandbox.add_stars(0, user=ANN) == 10_000
    assert (await bot.get_star_transactions()).transactions == ()
    with pytest.raises(BadRequest, match=r"(?i)charge_not_found"):
        await bot.refund_star_payment(ANN, (await sandbox.payment(number))["charge_id"])


async def test_a_refund_goes_back_once(bot: Bot, other: Bot, sandbox: SandboxClient) -> None:
    number = await sandbox.pay(ANN, message=(await invoice(bot, sandbox)).message_id)
    await (await query(bot)).answer(ok=True)
    charge = (await sandbox.payment(number))["charge_id"]
    wrong = [(bot, BOB, charge), (other, ANN, charge), (bot, ANN, "no")]
    for caller, user, named in wrong:
        with pytest.raises(BadRequest, match=r"(?i)charge_not_found"):
            await caller.refund_star_payment(user, named)
    with pytest.raises(BadRequest, match=r"(?i)user not found"):
        await bot.refund_star_payment(999, charge)
    await bot.refund_star_payment(ANN, charge)
    told = (await bot.get_updates())[-1].message
    assert told is not None
    assert told.refunded_payment is not None
    assert told.refunded_payment.telegram_payment_charge_id == charge
    with pytest.raises(BadRequest, match=r"(?i)charge_already_refunded"):
        await bot.refund_star_payment(ANN, charge)
    assert await sandbox.add_stars(0, user=ANN) == 10_000
    came, went = (await bot.get_star_transactions()).transactions
    assert (came.id, went.id, came.amount, went.amount) == (charge, charge, 50, 50)
    assert isinstance(came.source, TransactionPartnerUser)
    assert isinstance(went.receiver, TransactionPartnerUser)
    assert (came.source.user.id, came.source.invoice_payload, came.receiver) == (ANN, "t-1", None)


async def test_transactions_come_by_pages_the_oldest_first(bot: Bot, sandbox: SandboxClient) -> None:
    for stars in (5, 6, -3):
        await sandbox.add_stars(stars)
    first = await bot.get_star_transactions(limit=2)
    rest = await bot.get_star_transactions(offset=2)
    assert [each.amount for each in (*first.transactions, *rest.transactions)] == [5, 6, 3]
    assert (await bot.get_my_star_balance()).amount == 8
    with pytest.raises(SandboxError, match="has 8 Stars"):
        await sandbox.add_stars(-9)


async def test_a_refund_needs_stars_to_give_back(bot: Bot, sandbox: SandboxClient) -> None:
    number = await sandbox.pay(ANN, message=(await invoice(bot, sandbox)).message_id)
    await (await query(bot)).answer(ok=True)
    await sandbox.add_stars(-1)
    with pytest.raises(BadRequest, match=r"(?i)balance_too_low"):
        await bot.refund_star_payment(ANN, (await sandbox.payment(number))["charge_id"])


BOOKINGS = st.lists(st.tuples(st.sampled_from(["pay", "deny", "refund", "bill"]), st.integers(1, 60)))


@settings(max_examples=30)
@given(BOOKINGS)
def test_the_balance_is_the_sum_of_the_transactions(bookings: list[tuple[str, int]]) -> None:
    world = World()
    world.add_user(User(ANN, "Ann", stars=500))
    [bot] = world.bots.values()

    def ask(name: str, **params: Any) -> Any:
        return METHODS[name].handler(Call(world, bot, Params(params)))

    for kind, number in bookings:
        match kind:
            case "pay" | "deny":
                link = ask("createInvoiceLink", **STARS | {"prices": [{"label": "a", "amount": number}]})
                if perform(world, {"do": "pay", "user": ANN, "link": link})["ok"]:
                    waiting = next(iter(world.till.waiting))
                    ask("answerPreCheckoutQuery", pre_checkout_query_id=waiting, ok=kind == "pay", error_message="no")
            case "refund":
                payment = world.till.payments.get(number % 5 + 1)
                if payment and payment.state == "paid" and not payment.refunded and bot.stars.nano >= 60 * NANO:
                    ask("refundStarPayment", user_id=ANN, telegram_payment_charge_id=payment.charge_id)
            case "bill":
                bot.stars.bill(number, world.clock.date())
    shown = [StarTransaction.de_json(each, None) for each in ask("getStarTransactions")["transactions"]]
    nano = [(each.amount * NANO + (each.nanostar_amount or 0)) * (1 if each.source else -1) for each in shown]
    balance = ask("getMyStarBalance")
    assert sum(nano) == bot.stars.nano == balance["amount"] * NANO + balance.get("nanostar_amount", 0) >= 0
    by_user = [each for each in shown if isinstance(each.source or each.receiver, TransactionPartnerUser)]
    assert world.users[ANN].stars == 500 - sum(each.amount if each.source else -each.amount for each in by_user)
