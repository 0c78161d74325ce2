"""Buyers of the synthetic community: what they do, given what they see; and the verdict on how they were treated."""

import random
from dataclasses import replace
from typing import Any

import pytest

from community.simulation.behaviour import Gesture, Life, Phase, Seen, seen
from community.simulation.crowd import Done
from community.simulation.market import Market
from community.simulation.paying import Forms, Ime, Paid
from community.simulation.people import FIRST_ID, Person
from community.simulation.shopping import (
    FIRST_STRANGER,
    Buyer,
    Purse,
    Shelf,
    Wish,
    buyer,
    decide,
    minds,
    shop,
    stranger_of,
    want,
    with_coupon,
)
from community.simulation.trade import CLAIMS, Trade
from deployments.demo.shop import VIP, payment_settings, selling, shelf
from tests.shipped import shipped_bundle
from tests.unit.test_simulation import ASIA, DOORS, people, person

SHELF = Shelf("month", {"RENEW": "month"}, {"LIVE": "pack"})
EAGER = Buyer(wishes_after=4, stars=True, tempted=1.0, shares=False, regrets_after=None)
INSIDE = Life(Phase.inside, since=4, opened=True)
WAY = "https://t.me/+own"
ANN = person()


def step(purse: Purse, *fresh: Seen, who: Buyer = EAGER, member: Person = ANN) -> tuple[Purse, list[Gesture]]:
    """What comes of messages that have just arrived."""
    return shop(member, who, purse, fresh, 9, SHELF, DOORS, random.Random(1))


def message(*callbacks: str, **more: Any) -> Seen:
    return Seen(ANN.id, 7, callbacks, **more)


def test_the_same_seed_makes_the_same_buyers_and_few_ask_by_themselves() -> None:
    crowd = people(1000)
    buyers = [buyer(each, 7) for each in crowd]
    assert buyers == [buyer(each, 7) for each in crowd]
    assert buyers != [buyer(each, 8) for each in crowd]
    assert sum(each.wishes_after is not None for each in buyers) / 1000 == pytest.approx(0.1, abs=0.03)
    assert sum(each.stars for each in buyers) / 1000 == pytest.approx(0.6, abs=0.05)


def test_who_wants_something_asks_once() -> None:
    assert all(want(ANN, EAGER, Purse(), INSIDE, slot, SHELF) == (Purse(), []) for slot in (5, 8, 10))
    purse, [said] = want(ANN, EAGER, Purse(), INSIDE, 9, SHELF)
    assert (said["text"], purse.wish) == ("buy", Wish("month"))
    assert want(ANN, EAGER, replace(purse, wish=None), INSIDE, 41, SHELF)[1] == []


def test_from_the_wish_to_the_way_in_by_stars() -> None:
    purse, [pressed] = step(Purse(wish=Wish("month")), message("buy:year:5", "buy:month:5", "order:5"))
    assert pressed["data"] == "buy:month:5"
    purse, [pressed] = step(purse, message("pay:month:6", links=("http://gateway/buy/month?m=x",)))
    assert pressed["data"] == "pay:month:6"
    purse, [paid] = step(purse, message(invoice=True))
    assert (paid["do"], paid["message"]) == ("pay", 7)
    assert (purse.wish, purse.paid, purse.paid_in) == (None, ("month",), 9)
    _, [asked] = step(purse, message(links=(WAY,)))
    assert (asked["do"], asked["link"], asked["user"]) == ("request_join", WAY, ANN.id)


def test_who_pays_by_card_orders_on_the_page() -> None:
    shown = message("pay:month:6", links=("http://gateway/buy/month?m=x",))
    purse, [order] = step(Purse(wish=Wish("month")), shown, who=replace(EAGER, stars=False))
    assert (order["do"], order["url"]) == ("order", "http://gateway/buy/month?m=x")
    assert (purse.wish, purse.paid) == (None, ("month",))


def test_an_offer_after_a_live_session_is_bought_on_the_page_with_its_code_once() -> None:
    purse, [said] = step(Purse(), message(codes=("LIVE3",)))
    assert (said["text"], purse.wish) == ("buy", Wish("pack", "LIVE3"))
    purse, [order] = step(purse, message("pay:pack:6", links=("http://gateway/buy/pack?m=x",)))
    assert order["url"] == "http://gateway/buy/pack?m=x&coupon=LIVE3"
    assert step(purse, message(codes=("LIVE3",)))[1] == []


def test_a_code_of_ones_own_brings_people_back() -> None:
    purse, _ = step(Purse(paid=("month",)), message(codes=("RENEW-ABCDEFGH2345",)))
    assert purse.wish == Wish("month")


@pytest.mark.parametrize("code", ["A7K2-93QX", "OTHER-ABCDEFGH2345", "LIVE", "/invoice"])
def test_what_is_no_offers_code_tempts_nobody(code: str) -> None:
    assert step(Purse(), message(codes=(code,))) == (Purse(), [])


def test_a_way_in_is_passed_on_once_and_the_stranger_is_first() -> None:
    sharing = replace(EAGER, shares=True)
    purse, gestures = step(Purse(), message(links=(WAY,)), who=sharing)
    assert [each["user"] for each in gestures] == [stranger_of(ANN), ANN.id]
    assert [each["user"] for each in step(purse, message(links=(WAY,)), who=sharing)[1]] == [ANN.id]


def test_doors_that_everybody_knows_and_groups_are_no_way_in() -> None:
    assert step(Purse(), message(links=(DOORS.doors[0],)), Seen(ASIA, 1, links=(WAY,)))[1] == []


def test_who_is_going_to_leave_does_not_come_in() -> None:
    assert step(Purse(), message(links=(WAY,)), member=person(kind="leaver"))[1] == []


def test_regret_asks_for_the_money_once_and_names_the_order() -> None:
    sorry = replace(EAGER, wishes_after=None, regrets_after=3)
    paid = Purse(paid=("month",), paid_in=6)
    assert want(ANN, sorry, replace(paid, paid_in=7), INSIDE, 9, SHELF)[1] == []
    purse, [said] = want(ANN, sorry, paid, INSIDE, 9, SHELF)
    assert (said["text"], purse.regretted) == ("refund", True)
    assert want(ANN, sorry, purse, INSIDE, 21, SHELF)[1] == []
    assert step(purse, message("refund:A7K293QX:5", "refund:B7K293QX:5"))[1][0]["data"] == "refund:A7K293QX:5"


def test_staff_refund_and_let_go_and_press_nothing_else() -> None:
    asked = message("refunding:4_approve:1", "refunding:4_refuse:1", "done:3:1", "removals:approve_9:1", "approve:3:1")
    assert list(decide(asked)) == ["refunding:4_approve:1", "removals:approve_9:1"]


@pytest.mark.parametrize(
    ("life", "kind", "slot", "looks"),
    [
        (INSIDE, "keen", 9, True),
        (Life(Phase.knocking), "keen", 9, False),
        (INSIDE, "vanishing", 4 + 3 * 4, True),
        (INSIDE, "vanishing", 4 + 3 * 4 + 1, False),
        (replace(INSIDE, turned=True), "blocker", 9, False),
        (replace(INSIDE, turned=True, returned=True), "blocker", 9, True),
        (replace(INSIDE, turned=True), "sceptic", 9, True),
    ],
)
def test_who_looks_at_what_the_bot_writes(life: Life, kind: str, slot: int, looks: bool) -> None:
    assert minds(person(kind=kind), life, slot) is looks


def test_codes_and_invoices_are_seen() -> None:
    entity = {"type": "code", "offset": 3, "length": 5}
    about = {"chat_id": 5, "message_id": 6, "text": "🎁 LIVE3!", "entities": [entity], "buttons": []}
    assert seen(about).codes == ("LIVE3",)
    assert seen({**about, "invoice": {}}).invoice


def test_a_page_is_opened_with_the_code_typed() -> None:
    assert with_coupon("http://g/buy/x?m=a.b&coupon=OLD", "LIVE3") == "http://g/buy/x?m=a.b&coupon=LIVE3"


def test_forms_are_read_as_a_browser_sends_them() -> None:
    [first, second] = Forms.of(
        '<form method="post" action="/buy/x/ime"><input type="hidden" name="token" value="t&amp;1"><input id="no">'
        '</form><form action="/buy/x"><input name="coupon"></form>'
    )
    assert (first.action, first.fields) == ("/buy/x/ime", {"token": "t&1"})
    assert second.fields == {"coupon": ""}


def test_a_market_hears_of_members_in_private_and_of_staff() -> None:
    market = Market(SHELF, Ime(None, "", "k", "s"), staff_chat=-5, staff=1)  # type: ignore[arg-type]
    market.settle([ANN], seed=7)
    market.buyers[ANN.id] = EAGER
    market.look(Seen(-5, 3, ("refunding:4_approve:1",)))
    market.look(message(codes=("LIVE3",)))
    [pressed] = market.decisions()
    assert (pressed["user"], pressed["chat"], pressed["data"]) == (1, -5, "refunding:4_approve:1")
    assert market.decisions() == []
    [said] = market.deal(ANN, INSIDE, 9, DOORS, "dice", leisure=False)
    assert said["text"] == "buy"
    assert market.deal(ANN, INSIDE, 9, DOORS, "dice", leisure=False) == [], "each message is dealt with once"


def test_strangers_are_created_for_those_who_pass_their_link_on() -> None:
    crowd = people(200)
    market = Market(SHELF, Ime(None, "", "k", "s"), staff_chat=-5, staff=1)  # type: ignore[arg-type]
    strangers = {each["id"] for each in market.settle(crowd, seed=7)}
    assert strangers == {stranger_of(each) for each in crowd if buyer(each, 7).shares}
    assert strangers
    assert min(strangers) >= FIRST_STRANGER


# What the demonstration sells.


def test_every_plan_opens_the_paid_group_and_who_is_over_is_taken_out() -> None:
    playbook = selling(shipped_bundle()).playbook
    assert {tuple(plan.chats) for plan in playbook.plans.values()} == {(VIP,)}
    assert playbook.access.remove
    assert playbook.payments.ime_url
    known = shelf(playbook, "pack")
    assert known.offer("LIVE12") == Wish("pack", "LIVE12")
    assert known.offer("RENEW-ABCDEFGH2345") == Wish("month")
    assert known.offer("TRIAL-ABCDEFGH2345") is None


def test_no_real_provider_is_ever_asked() -> None:
    given = payment_settings()
    assert (given["SOP_STRIPE_API_KEY"], given["SOP_STRIPE_WEBHOOK_SECRETS"], given["SOP_IME_FIELDS"]) == ("", "", "")
    assert given["SOP_IME_SECRETS"] != payment_settings()["SOP_IME_SECRETS"]


# The verdict on the shop: each claim is refused as soon as something speaks against it.

BEN = FIRST_ID + 1


def trade(**changes: Any) -> Trade:
    """Ann paid in Stars and is inside; Ben's money was given back, and he is out."""
    row = {"currency": "XTR", "minor": 1500, "counted": True}
    entry = {"invite_link": WAY, "telegram_id": ANN.id, "revoked_at": None}
    holder = {"telegram_id": ANN.id, "holds": True, "grace_over": False, "removed": None}
    usual: dict[str, Any] = {
        "paid": [Paid(ANN.id, "stars", "c1", 1500, "XTR"), Paid(BEN, "stars", "c2", 1500, "XTR")],
        "done": [Done(5.0, ANN.id, "request_join", {"link": WAY})],
        "refunded": frozenset({"c2"}),
        "receipts": ("c1", "c2"),
        "shown": ((ANN.id, WAY), (ANN.id, WAY), (BEN, "https://t.me/+bens")),
        "inside": frozenset({ANN.id}),
        "payments": [
            row | {"telegram_id": ANN.id, "charge": "c1", "state": "matched", "order_state": "paid"},
            row | {"telegram_id": BEN, "charge": "c2", "state": "reversed", "order_state": "refunded"},
        ],
        "balances": {
            ("cash:stars", "XTR"): 1500,
            ("revenue:month", "XTR"): -3000,
            ("refunds:month", "XTR"): 1500,
        },
        "entries": [entry, entry | {"invite_link": "https://t.me/+bens", "telegram_id": BEN, "revoked_at": 8}],
        "holders": [holder, holder | {"telegram_id": BEN, "holds": False, "grace_over": True}],
        "findings": [{"kind": "outside", "about": "holds month, never came in"}],
    }
    return Trade(**(usual | changes))


def refused(**changes: Any) -> set[str]:
    found = trade(**changes)
    return {claim for claim, look in CLAIMS.items() if list(look(found))}


def changed(field: str, place: int, **changes: Any) -> dict[str, Any]:
    found = list(getattr(trade(), field))
    return {field: [row | changes if number == place else row for number, row in enumerate(found)]}


def test_payers_who_were_treated_well_satisfy_every_claim() -> None:
    assert refused() == set()


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"receipts": ("c1", "c1", "c2")}, "whoever paid got one receipt for each payment"),
        ({"receipts": ("c2",)}, "whoever paid got one receipt for each payment"),
        ({"receipts": ("c1", "c2", "c3")}, "whoever paid got one receipt for each payment"),
        (changed("payments", 0, telegram_id=BEN), "whoever paid got one receipt for each payment"),
        ({"shown": ((ANN.id, WAY), (BEN, WAY))}, "whoever paid has a way in of their own, and one only"),
        ({"entries": trade().entries[:1]}, "whoever paid has a way in of their own, and one only"),
        ({"entries": [*trade().entries, trade().entries[0]]}, "whoever paid has a way in of their own, and one only"),
        (
            {"balances": {**trade().balances, ("suspense:ime", "CNY"): -5, ("revenue:month", "CNY"): 5}},
            "the ledger balances, and says what payers and Telegram say",
        ),
        (
            {"balances": {("cash:stars", "XTR"): 3000, ("revenue:month", "XTR"): -3000}},
            "the ledger balances, and says what payers and Telegram say",
        ),
        (
            {"balances": {**trade().balances, ("revenue:pack", "XTR"): 1}},
            "the ledger balances, and says what payers and Telegram say",
        ),
        (
            {"inside": frozenset({ANN.id, BEN})},
            "nobody is in the paid group without a term, but for the days of grace",
        ),
        (
            {"inside": frozenset({ANN.id, FIRST_ID + 9})},
            "nobody is in the paid group without a term, but for the days of grace",
        ),
        ({"inside": frozenset()}, "everybody with a term who wanted in is in"),
        (changed("payments", 1, state="matched"), "what was refunded was given back and is over, and nothing else"),
        (changed("payments", 1, order_state="paid"), "what was refunded was given back and is over, and nothing else"),
        (changed("payments", 0, counted=False), "every purchase is counted"),
        (changed("payments", 0, state="unclaimed"), "every purchase is counted"),
        (changed("findings", 0, kind="uneven"), "reconciliation finds nothing that does not fit"),
    ],
)
def test_each_claim_of_the_shop_can_fail(changes: dict[str, Any], claim: str) -> None:
    assert refused(**changes) == {claim}


def test_a_stranger_inside_is_noticed() -> None:
    assert "nobody came in by another's link" in refused(inside=frozenset({ANN.id, stranger_of(ANN)}))


def test_who_was_taken_out_after_they_came_in_need_not_be_inside() -> None:
    assert refused(**changed("holders", 0, removed=6.0), inside=frozenset()) == set()
