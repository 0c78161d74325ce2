"""Numbers in words, by known answers and for any amount."""

import pytest
from hypothesis import given, strategies as st

from community.insight.numbers import NOTHING, change, change_text, money, number_text, points

WORDS = {"day": "d", "hour": "h", "minute": "min", "second": "s", "points": "points"}


@pytest.mark.parametrize(
    ("unit", "number", "currency", "text"),
    [
        ("share", 0.42, "", "42%"),
        ("share", 0.042, "", "4.2%"),
        ("money", 1_234_560, "CNY", "12,345.60 CNY"),
        ("money", -5, "CNY", "-0.05 CNY"),
        ("money", 1_234.4, "JPY", "1,234 JPY"),
        ("money", 1_005, "KWD", "1.005 KWD"),
        ("money", 2**63 - 1, "CNY", "92,233,720,368,547,758.07 CNY"),
        ("seconds", 45, "", "45 s"),
        ("seconds", 720, "", "12 min"),
        ("seconds", 100_000, "", "27.8 h"),
        ("seconds", 181_440, "", "2.1 d"),
        ("ratio", 3.25, "", "3.2"),
        ("number", 12_345, "", "12,345"),
        ("number", None, "", NOTHING),
    ],
)
def test_known_numbers(unit: str, number: float | None, currency: str, text: str) -> None:
    assert number_text(unit, number, currency, WORDS) == text


def test_known_changes() -> None:
    assert change("share", 0.2, 0.6) == pytest.approx(-0.4)
    assert change("money", 90, -60) == 2.5
    assert change("number", 3, 0) is None
    assert change("number", None, 3) is None
    assert change_text("share", -0.4, WORDS) == "−40.0 points"
    assert change_text("share", -0.0001, WORDS) == "+0.0 points", "no sign that says less of nothing"
    assert change_text("number", -0.0001, WORDS) == "+0%"
    assert points(-0.0001) == "+0.0"
    assert change_text("money", 12.5, WORDS) == "+1,250%"


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from(["CNY", "JPY", "KWD"]))
def test_no_digit_of_money_is_lost(minor: int, currency: str) -> None:
    assert int(money(minor, currency).removesuffix(f" {currency}").replace(",", "").replace(".", "")) == minor
