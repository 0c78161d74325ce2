"""What coupons take off, in whole units; and how their codes are read."""

import pytest
from hypothesis import given, strategies as st

from community.engagement.codes import LONGEST, PERSONAL, SHAPE, read_code
from community.engagement.discounts import WHOLE, Kind, discount

kinds = st.sampled_from(Kind)
prices = st.integers(0, 10**12)
values = st.integers(0, 10**12)


@pytest.mark.parametrize(
    ("kind", "value", "price", "off"),
    [
        (Kind.percent, 10_00, 19900, 1990),
        (Kind.percent, 10_00, 99, 10),  # 9.9: the part of a cent is the member's
        (Kind.percent, 33_33, 100, 34),
        (Kind.percent, 1, 1, 1),
        (Kind.percent, 0, 100, 0),
        (Kind.percent, WHOLE, 19999, 19999),
        (Kind.amount, 500, 19900, 500),
        (Kind.amount, 500, 499, 499),
        (Kind.price, 500, 2900, 2400),
        (Kind.price, 3000, 2900, 0),
        (Kind.opens, 0, 2900, 2900),
        (Kind.opens, 0, 0, 0),
    ],
)
def test_what_is_taken_off(kind: Kind, value: int, price: int, off: int) -> None:
    assert discount(kind, value, price) == off


@given(kinds, values, prices)
def test_never_more_than_the_price_and_never_less_than_nothing(kind: Kind, value: int, price: int) -> None:
    assert 0 <= discount(kind, value, price) <= price


@given(st.integers(0, WHOLE), prices)
def test_a_percentage_leaves_at_most_the_exact_rest_and_less_than_a_unit_below_it(value: int, price: int) -> None:
    due = price - discount(Kind.percent, value, price)
    assert due * WHOLE <= price * (WHOLE - value)
    assert (due + 1) * WHOLE > price * (WHOLE - value)


@given(kinds, values, prices, st.integers(0, 10**6))
def test_a_higher_price_is_never_left_lower(kind: Kind, value: int, price: int, more: int) -> None:
    value = min(value, WHOLE) if kind is Kind.percent else value
    assert price - discount(kind, value, price) <= price + more - discount(kind, value, price + more)


@given(st.integers(0, 10**9), prices)
def test_a_fixed_price_is_what_is_left_unless_it_was_less(value: int, price: int) -> None:
    assert price - discount(Kind.price, value, price) == min(value, price)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("LIVE48", "LIVE48"),
        (" live48 ", "LIVE48"),
        ("ｌｉｖｅ４８", "LIVE48"),
        ("renew-0a1b2c3d4e5f", "RENEW-0A1B2C3D4E5F"),
        ("RENEW – 0A1B 2C3D 4E5F", "RENEW-0A1B2C3D4E5F"),
        ("VIP_PASS", "VIP_PASS"),
        ("ab", None),
        ("", None),
        ("-LIVE", None),
        ("直播48", None),
        ("A" * (LONGEST + 1), None),
        ("LIVE48'; --", None),
        ("x\0y\0z", None),
    ],
)
def test_codes_as_they_are_typed(text: str, code: str | None) -> None:
    assert read_code(text) == code


@given(st.text())
def test_whatever_is_typed_is_a_code_or_none(text: str) -> None:
    code = read_code(text)
    assert code is None or (SHAPE.fullmatch(code) and len(code) <= LONGEST and read_code(code) == code)


@given(st.from_regex(PERSONAL, fullmatch=True))
def test_a_members_own_code_is_a_code(code: str) -> None:
    assert read_code(code.lower()) == code
