"""What a typed message wants, in Chinese or English. Pure: text in, meaning out."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from community.engagement.codes import read_code


class Intent(StrEnum):
    """Something the bot does when asked; also the names of its buttons' actions."""

    stop = "stop"
    resume = "resume"
    language = "language"
    my_data = "my_data"
    coupon = "coupon"
    membership = "membership"
    help = "help"
    setup = "setup"
    paysupport = "paysupport"
    buy = "buy"
    order = "order"
    invoice = "invoice"
    refund = "refund"
    trial = "trial"


@dataclass(frozen=True, slots=True)
class Command:
    """A typed `/name argument`."""

    name: str
    argument: str


_WORDS: dict[Intent, str] = {
    Intent.stop: """stop unsubscribe pause quit td 停止 停 退订 退訂 取消订阅 取消訂閱 停止消息 停止訊息
        不要再发 不要再發 别发了 別發了 暂停 暫停 暂停接收 暫停接收""",
    Intent.resume: """resume subscribe continue 恢复 恢復 继续 繼續 订阅 訂閱 恢复消息 恢復訊息
        恢复接收 恢復接收 继续接收 繼續接收""",
    Intent.language: "language lang languages 语言 語言 切换语言 切換語言 改语言 改語言",
    Intent.my_data: "mydata data mydetails 我的数据 我的數據 我的資料 我的资料 我的信息 我的資訊",
    Intent.coupon: """coupon coupons mycoupon mycoupons claim claimcoupon voucher vouchers promocode 领券 領券
        优惠券 優惠券 领优惠券 領優惠券 领取优惠券 領取優惠券 我的优惠券 我的優惠券 优惠码 優惠碼 折扣码 折扣碼
        兑换码 兌換碼 兑换 兌換""",
    Intent.membership: """membership mymembership myplan 我的会员 我的會員 会员 會員 会员到期 會員到期 会员有效期
        會員有效期 我的套餐 到期时间 到期時間 有效期""",
    Intent.setup: "setup setupgroup 设置群 設置群 群设置 群設置 群設定",
    Intent.paysupport: """paysupport paymentsupport paymenthelp 付款问题 付款問題 支付问题 支付問題 支付帮助 支付幫助
        付款帮助 付款幫助""",
    Intent.buy: "buy plans purchase shop 购买 購買 我要买 我要買 下单 下單 套餐 买会员 買會員 购买会员 購買會員 商店",
    Intent.order: """order orders myorder myorders orderstatus 订单 訂單 我的订单 我的訂單 查订单 查訂單
        查询订单 查詢訂單 订单号 訂單號""",
    Intent.invoice: "invoice invoices 发票 發票 开发票 開發票 开票 開票 我要发票 我要發票 申请发票 申請發票",
    Intent.refund: "refund refunds moneyback 退款 申请退款 申請退款 我要退款 退钱 退錢",
    Intent.trial: "trial trials freetrial 试用 試用 体验 體驗 免费试用 免費試用 申请试用 申請試用 试用会员 試用會員",
    Intent.help: "help menu ? 帮助 幫助 说明 說明 菜单 選單 怎么用 怎麼用",
}
_LOCALES = {
    "zh-Hans": "zh zhhans zhcn 中文 简体 简体中文 simplifiedchinese chinese",
    "zh-Hant": "zhhant zhtw 繁体 繁體 繁体中文 繁體中文 正體 正體中文 traditionalchinese",
    "en": "en english 英文 英语 英語",
}
_PROBLEMS: dict[str, tuple[str, ...]] = {
    "sourcing": ("货源", "貨源", "选品", "選品", "供应商", "供應商", "工厂", "工廠", "sourcing", "supplier", "factory"),
    "price": ("价格", "價格", "成本", "利润", "利潤", "砍价", "price", "pricing", "cost", "margin"),
    "logistics": (
        "物流",
        "运费",
        "運費",
        "发货",
        "發貨",
        "海运",
        "海運",
        "仓",
        "倉",
        "logistics",
        "shipping",
        "freight",
    ),
    "compliance": ("合规", "合規", "认证", "認證", "税", "稅", "清关", "清關", "compliance", "customs", "tax", "vat"),
}
"""Words by which a typed problem is sorted; the member's own words are kept beside."""
OTHER = "other"

_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@\w+)?(?:\s+(.*))?", re.DOTALL)
_WORD_AND_REST = re.compile(r"([^\s:：]+)[\s:：]+(.+)", re.DOTALL)
_NOT_WORD = re.compile(r"[^\w?]+|_", re.UNICODE)


def command(text: str) -> Command | None:
    """A message that starts with a slash, as Telegram's clients write commands."""
    match = _COMMAND.fullmatch(text.strip())
    return Command(match[1].lower(), (match[2] or "").strip()) if match else None


def intent(text: str) -> Intent | None:
    """What the whole message asks for; case, width, spaces, punctuation and a leading slash do not matter."""
    word = _folded(text)
    return next((known for known, words in _WORDS.items() if word in words.split()), None)


def named_code(text: str) -> str | None:
    """The coupon's code in a message that asks for coupons and names one: `领券 LIVE48`, `/coupon live48`."""
    return read_code(about(text, Intent.coupon) or "")


def about(text: str, wish: Intent) -> str | None:
    """What follows the words of a wish: of `订单 A7K2-93QX` the number; None for another wish, or nothing."""
    asked = command(text) or _WORD_AND_REST.fullmatch(text.strip())
    word, rest = (asked.name, asked.argument) if isinstance(asked, Command) else asked.groups() if asked else ("", "")
    return rest or None if intent(word) is wish else None


def locale(text: str, offered: Sequence[str]) -> str | None:
    """The offered locale that the whole message names."""
    word = _folded(text)
    return next((known for known in offered if word in _LOCALES.get(known, _folded(known)).split()), None)


def problem(text: str, choices: Sequence[str]) -> str:
    """Which of `choices` a typed answer means: its name, its number, or the first whose words it uses; else `other`."""
    word = _folded(text)
    if word in choices:
        return word
    if word.isdecimal() and len(word) <= 2 and 1 <= int(word) <= len(choices):
        return choices[int(word) - 1]
    folded = unicodedata.normalize("NFKC", text).casefold()
    return next((known for known in choices if any(_uses(folded, hint) for hint in _PROBLEMS.get(known, ()))), OTHER)


def _uses(text: str, hint: str) -> bool:
    """Whether a text uses a hint: an English one as a word, not as part of another (`vat` is in `private`)."""
    return bool(re.search(rf"\b{hint}(?:e?s)?\b", text, re.ASCII)) if hint.isascii() else hint in text


def _folded(text: str) -> str:
    return _NOT_WORD.sub("", unicodedata.normalize("NFKC", text).casefold())
