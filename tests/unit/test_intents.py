"""What typed messages want, without a database."""

import pytest
from hypothesis import given, strategies as st

from community.bot.buttons import Press, parse
from community.bot.intents import OTHER, Command, Intent, command, intent, locale, named_code, problem

LOCALES = ("zh-Hans", "zh-Hant", "en")
CHOICES = ("sourcing", "price", "logistics", "compliance")


@pytest.mark.parametrize(
    ("wish", "messages"),
    [
        (
            Intent.stop,
            ["停止", "退订", "退訂！", "stop", "STOP", " Stop. ", "ｓｔｏｐ", "/stop", "/stop@the_bot", "取消 订阅"],
        ),
        (Intent.resume, ["恢复", "恢復", "Resume", "/resume", "继续接收"]),
        (Intent.language, ["语言", "語言", "language", "/language"]),
        (Intent.my_data, ["我的数据", "我的資料", "my data", "My Data?!"[:-2], "/my_data"]),
        (Intent.coupon, ["领券", "領券", "优惠券", "Coupon!", "claim", "/coupon", "我的优惠券", "my coupons"]),
        (Intent.membership, ["我的会员", "我的會員", "Membership", "my membership", "会员 到期", "/membership"]),
        (Intent.help, ["帮助", "help", "/help", "?", "？"]),
        (None, ["", " ", "stop it please", "我想停止", "hello", "42", "no", "/", "<b>", "\0"]),
    ],
)
def test_whole_messages_are_wishes(wish: Intent | None, messages: list[str]) -> None:
    for message in messages:
        known = command(message)
        assert intent(known.name if known else message) is wish, message


@pytest.mark.parametrize(
    ("named", "messages"),
    [
        ("zh-Hans", ["中文", "简体中文", "zh-Hans", "ZH"]),
        ("zh-Hant", ["繁體中文", "繁体", "zh-hant"]),
        ("en", ["English", "英文", "EN!"]),
        (None, ["français", "", "中文 English"]),
    ],
)
def test_named_languages(named: str | None, messages: list[str]) -> None:
    for message in messages:
        assert locale(message, LOCALES) == named, message
    assert locale("English", ("zh-Hans",)) is None


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("Logistics", "logistics"),
        ("2", "price"),
        ("２", "price"),
        ("0", OTHER),
        ("5", OTHER),
        ("找不到靠谱的供应商", "sourcing"),
        ("运费太贵了", "logistics"),
        ("欧盟 VAT 怎么交", "compliance"),
        ("my wife", OTHER),
        ("²", "price"),
        ("private matters", OTHER),
        ("taxes", "compliance"),
    ],
)
def test_typed_problems_are_sorted(text: str, choice: str) -> None:
    assert problem(text, CHOICES) == choice


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/start", Command("start", "")),
        ("/start partner-a", Command("start", "partner-a")),
        ("/START@the_bot  x y\nz ", Command("start", "x y\nz")),
        ("start", None),
        ("/", None),
        ("/ start", None),
        ("//start", None),
    ],
)
def test_commands(text: str, expected: Command | None) -> None:
    assert command(text) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("领券 LIVE48", "LIVE48"),
        ("優惠券：live48", "LIVE48"),
        ("coupon: renew-0a1b2c3d4e5f", "RENEW-0A1B2C3D4E5F"),
        ("/coupon live48", "LIVE48"),
        ("/coupon@the_bot live48", "LIVE48"),
        ("/claim", None),
        ("领券", None),
        ("coupon please <b>", None),
        ("my LIVE48", None),
        ("LIVE48", None),
        ("/start LIVE48", None),
    ],
)
def test_a_wish_for_a_coupon_by_its_code(text: str, code: str | None) -> None:
    assert named_code(text) == code


@given(st.text())
def test_no_message_is_too_strange(text: str) -> None:
    assert intent(text) in {None, *Intent}
    assert locale(text, LOCALES) in {None, *LOCALES}
    assert problem(text, CHOICES) in {OTHER, *CHOICES}
    command(text)
    named_code(text)
    parse(text)


def test_callback_data() -> None:
    assert parse("problem:price:12") == Press("problem", "price", 12)
    assert parse("stop:12") == Press("stop", None, 12)
    assert parse("a:b:c:12") == Press("a", "b:c", 12)
    assert parse("nonsense") == Press("nonsense", None, None)
    for number in ("99999999999999999999", "9" * 5000, "１", "²", "-1", ""):
        assert parse(f"stop:{number}").message_id is None
