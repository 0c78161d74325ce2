"""Payments' rules, without a database: numbers, what events add up to, where money is, what is left of a term."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from community.bundle import Bundle
from community.payments.fold import Dispute, Standing, fold
from community.payments.judging import Why, judge
from community.payments.ledger import plan_of, position
from community.payments.models import Order
from community.payments.notice import Kind, Notice
from community.payments.numbers import (
    ALPHABET,
    check_digit,
    claim_payload,
    code_hash,
    new_code,
    new_number,
    proves,
    read_claim,
    read_number,
    shown,
)
from community.payments.proration import price_of_upgrade, unused
from community.playbook import Playbook
from community.playbook_types import Amount, parse_money

NOON = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)
PAID = parse_money("199 CNY")


def notice(kind: Kind, event_id: str = "e", at: datetime = NOON, **what: object) -> Notice:
    return Notice(kind=kind, event_id=event_id, name=f"test.{kind}", at=at, charge="c", **what)  # type: ignore[arg-type]


# Numbers.


@given(st.text(ALPHABET, min_size=7, max_size=7))
def test_a_number_is_read_however_it_is_typed(drawn: str) -> None:
    number = drawn + check_digit(drawn)
    for typed in (
        number,
        shown(number),
        number.lower(),
        f" {shown(number)[:6]} {shown(number)[6:]} ",
        f"{number[:2]}—{number[2:]}",
    ):
        assert read_number(typed) == number


@given(st.text(ALPHABET, min_size=7, max_size=7), st.integers(0, 7), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_no_number(drawn: str, place: int, letter: str) -> None:
    number = drawn + check_digit(drawn)
    wrong = number[:place] + letter + number[place + 1 :]
    assert wrong == number or read_number(wrong) is None


@given(st.text(ALPHABET, min_size=7, max_size=7), st.integers(0, 7), st.integers(0, 7))
def test_two_characters_that_changed_places_are_no_number(drawn: str, one: int, other: int) -> None:
    letters = list(drawn + check_digit(drawn))
    letters[one], letters[other] = letters[other], letters[one]
    swapped = "".join(letters)
    assert swapped == drawn + check_digit(drawn) or read_number(swapped) is None


@pytest.mark.parametrize("typed", ["", "A7K2", "0OIL-1111", "RENEW-0123456789AB", "我的订单", "A" * 4000])
def test_what_is_no_number_is_none(typed: str) -> None:
    assert read_number(typed) is None


def test_numbers_and_codes_are_drawn_and_proved() -> None:
    number, code = new_number(), new_code()
    assert read_number(number) == number
    assert proves(f" {code[:5].lower()} {code[5:]}", code_hash(code))
    assert not proves(new_code(), code_hash(code))
    assert not proves("", None)
    assert read_claim(claim_payload(number, code)) == (number, code)
    assert len(claim_payload(number, code)) <= 64
    assert read_claim("coupon_SAVE") is None


# What events add up to.

AMOUNTS = st.integers(1, 30_000).map(lambda minor: Amount(minor=minor, currency="CNY"))
NOTICES = st.builds(
    lambda kind, amount, minutes: (
        kind,
        amount if kind in (Kind.paid, Kind.refunded, Kind.refund_failed) else None,
        minutes,
    ),
    st.sampled_from(list(Kind)),
    AMOUNTS,
    st.integers(0, 5),
)
HISTORIES = st.lists(NOTICES, max_size=8).map(
    lambda parts: [
        notice(kind, f"e{number}", NOON + timedelta(minutes=minutes), amount=amount)
        for number, (kind, amount, minutes) in enumerate(parts)
    ]
)


@given(HISTORIES, st.data())
def test_order_and_repetition_do_not_matter(history: list[Notice], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(history), max_size=4)) if history else []
    shuffled = data.draw(st.permutations([*history, *again]))
    assert fold(shuffled) == fold(history)


def test_what_moves_no_money_is_no_payment() -> None:
    assert fold([]) is None
    assert fold([notice(Kind.failed), notice(Kind.unknown, "f"), notice(Kind.subscription_changed, "g")]) is None


def test_of_refunds_the_largest_counts_as_they_are_cumulative() -> None:
    parts = [notice(Kind.refunded, f"r{minor}", amount=Amount(minor=minor, currency="CNY")) for minor in (5000, 9000)]
    standing = fold([*parts, notice(Kind.paid, amount=PAID)])
    assert standing is not None
    assert (standing.refunded_minor, standing.is_kept) == (9000, True)
    whole = fold([*parts, notice(Kind.paid, amount=PAID), notice(Kind.refunded, "all")])
    assert whole is not None
    assert (whole.refunded_minor, whole.is_kept) == (19900, False)


def test_of_refunds_the_latest_counts_less_what_failed_since() -> None:
    def refund(kind: Kind, minor: int, day: int) -> Notice:
        return notice(kind, f"{kind}{day}", NOON + day * DAY, amount=Amount(minor=minor, currency="CNY"))

    told = [
        (Kind.refunded, 9000, 9000),
        (Kind.refunded, 5000, 5000),
        (Kind.refund_failed, 5000, 0),
        (Kind.refund_failed, 5000, 0),
        (Kind.refunded, 19900, 19900),
        (Kind.refund_failed, 19000, 900),
    ]
    known = [notice(Kind.paid, amount=PAID)]
    for day, (kind, minor, refunded) in enumerate(told, 1):
        known.append(refund(kind, minor, day))
        standing = fold(reversed(known))
        assert standing is not None
        assert standing.refunded_minor == refunded, day
    assert standing is not None
    assert standing.bounced


def test_a_refund_that_fails_in_the_same_second_has_failed() -> None:
    parts = [(Kind.refund_failed, "a"), (Kind.refunded, "b")]
    standing = fold([notice(kind, name, amount=PAID) for kind, name in [*parts, (Kind.paid, "p")]])
    assert standing is not None
    assert (standing.refunded_minor, standing.is_kept) == (0, True)


def test_a_refund_in_another_currency_is_not_counted() -> None:
    standing = fold([notice(Kind.paid, amount=PAID), notice(Kind.refunded, "r", amount=parse_money("500 USD"))])
    assert standing is not None
    assert (standing.refunded_minor, standing.strange, standing.is_kept) == (0, True, True)


@pytest.mark.parametrize(
    ("kinds", "disputed", "kept"),
    [
        ([Kind.disputed], Dispute.open, True),
        ([Kind.disputed, Kind.dispute_lost], Dispute.lost, False),
        ([Kind.disputed, Kind.dispute_won], Dispute.won, True),
        ([Kind.dispute_lost, Kind.dispute_won], Dispute.won, True),
    ],
)
def test_of_a_dispute_the_latest_counts(kinds: list[Kind], disputed: Dispute, kept: bool) -> None:
    later = [notice(kind, f"d{place}", NOON + place * DAY) for place, kind in enumerate(kinds, 1)]
    standing = fold([*later, notice(Kind.paid, amount=PAID)])
    assert standing is not None
    assert (standing.disputed, standing.is_kept) == (disputed, kept)


# Where money is.

STANDINGS = st.builds(
    lambda paid, refunded, disputed: Standing(paid=paid, refunded_minor=refunded, disputed=disputed),
    AMOUNTS,
    st.integers(0, 40_000),
    st.sampled_from(Dispute),
)


@given(STANDINGS, st.sampled_from(["month", None]))
def test_every_position_balances(standing: Standing, plan: str | None) -> None:
    entries = position("ime", standing, plan)
    assert sum(entries.values()) == 0
    assert all(entries.values())
    assert plan_of(entries) == plan
    if standing.disputed is Dispute.lost and standing.paid and standing.refunded_minor <= standing.paid.minor:
        assert ("cash:ime", "CNY") not in entries


def test_a_payment_that_is_not_known_yet_is_nowhere() -> None:
    assert position("ime", Standing(refunded_minor=5), "month") == {}


# What it is for.

ORDER = Order(
    number="x", plan="month", amount_minor=9900, list_minor=19900, currency="CNY", source="page", claim_misses=0
)


@pytest.fixture(scope="module")
def playbook() -> Playbook:
    plan = {"title": {"en": "Month"}, "price": "199 CNY", "prices": ["29 USD"]}
    base = {
        "community": {"name": "x"},
        "holdout": {"salt": "x"},
        "gate": {"timeout": "1m", "questions": [{"key": "q", "answers": ["1"]}]},
        "welcome": {"every": "1m", "delete_after": "1m"},
        "problem": {"choices": ["a"], "follow_up_within": "1h"},
        "stages": {},
        "plans": {"month": plan},
    }
    return Bundle(base, {}).playbook


@pytest.mark.parametrize(
    ("standing", "order", "plan", "why"),
    [
        (Standing(paid=parse_money("99 CNY"), order="x"), ORDER, None, None),
        (Standing(paid=parse_money("199 CNY"), order="x"), ORDER, None, Why.wrong_amount),
        (Standing(paid=parse_money("199 CNY"), order="x", subscription="s"), ORDER, None, None),
        (Standing(paid=parse_money("99 USD"), order="x"), ORDER, None, Why.wrong_currency),
        (Standing(paid=parse_money("99 CNY"), order="y"), None, "month", Why.unknown_order),
        (Standing(paid=parse_money("29 USD")), None, "month", None),
        (Standing(paid=parse_money("30 USD")), None, "month", Why.wrong_amount),
        (Standing(paid=parse_money("29 EUR")), None, "month", Why.wrong_currency),
        (Standing(paid=parse_money("29 USD")), None, "decade", Why.unknown_plan),
        (Standing(paid=parse_money("29 USD")), None, None, Why.unknown_plan),
    ],
)
def test_a_payment_is_judged(
    playbook: Playbook, standing: Standing, order: Order | None, plan: str | None, why: Why | None
) -> None:
    assert judge(playbook, standing, order, plan).why == why


# What is left of a term.


@given(st.integers(0, 10**9), st.integers(1, 400), st.integers(-10, 500))
def test_what_is_left_is_never_more_than_was_paid_nor_less_than_nothing(paid: int, days: int, hours: int) -> None:
    left = unused(paid, NOON, NOON + days * DAY, NOON + timedelta(hours=hours))
    assert 0 <= left <= paid


@given(st.integers(1, 10**9), st.integers(2, 400))
def test_less_is_left_later(paid: int, days: int) -> None:
    left = [unused(paid, NOON, NOON + days * DAY, NOON + day * DAY) for day in range(days + 1)]
    assert left == sorted(left, reverse=True)
    assert (left[0], left[-1]) == (paid, 0)


def test_a_part_of_the_smallest_unit_is_the_members() -> None:
    left = unused(100, NOON, NOON + 3 * DAY, NOON + DAY)
    assert left == 67
    assert price_of_upgrade(1000, left) == 933
    assert price_of_upgrade(50, left) == 0


def test_a_standing_says_whether_the_money_is_ours() -> None:
    standing = Standing(paid=PAID)
    assert standing.is_kept
    assert not replace(standing, paid=None).is_kept
    assert not replace(standing, refunded_minor=PAID.minor).is_kept
