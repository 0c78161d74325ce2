"""The small values a playbook is written in: durations, times of day, zones, crons, percentages."""

import re
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_OFFSET = re.compile(r"(-?)(0|[1-9][0-9]{0,5})([smhd])")
_PERIOD = re.compile(r"([1-9][0-9]{0,2})(h|d|mo|y)")
_MONEY = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,3}))? ([A-Z]{3})")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?) ?%?")


class Entry(BaseModel):
    """Base of everything in the playbook: typed, frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def parse_duration(text: object) -> timedelta:
    """`90s`, `10m`, `24h` or `7d` as a timedelta. Raises ValueError saying how to write it."""
    if isinstance(text, timedelta):
        return text
    if not (match := _DURATION.fullmatch(str(text))):
        raise ValueError(f"{text!r} is not a duration; write a number and s, m, h or d, such as 90s, 10m, 24h, 7d")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def format_duration(duration: timedelta) -> str:
    """The shortest playbook text of a duration: the reverse of `parse_duration`."""
    seconds = int(duration.total_seconds())
    unit = next(unit for unit in "dhms" if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def _parse_offset(text: object) -> timedelta:
    if isinstance(text, timedelta):
        return text
    if not (match := _OFFSET.fullmatch(str(text))):
        raise ValueError(
            f"{text!r} is not a distance in time; write -1h for an hour before, 30m for after, 0m for then"
        )
    return timedelta(seconds=int(match[2]) * _UNITS[match[3]] * (-1 if match[1] else 1))


def _format_offset(offset: timedelta) -> str:
    return ("-" if offset < timedelta() else "") + (format_duration(abs(offset)) if offset else "0m")


class Months(BaseModel):
    """A length of time as people agree on it: calendar months, or hours."""

    model_config = ConfigDict(frozen=True)
    months: int = 0
    hours: int = 0


class Goal(BaseModel):
    """What a figure should reach, or stay below: a share (0 to 1), a number, money, or seconds."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["share", "number", "money", "seconds"]
    number: float
    """Money in its smallest unit."""
    currency: str = ""

    def __str__(self) -> str:
        return _format_goal(self)


def _parse_goal(text: object) -> Goal:
    if isinstance(text, Goal):
        return text
    written = str(text).strip()
    if written.endswith("%"):
        return Goal(kind="share", number=_parse_percent(written) / 100)
    if written.isdecimal():
        return Goal(kind="number", number=int(written))
    if match := _DURATION.fullmatch(written):
        return Goal(kind="seconds", number=int(match[1]) * _UNITS[match[2]])
    if _MONEY.fullmatch(written):
        money = parse_money(written)
        return Goal(kind="money", number=money.minor, currency=money.currency)
    raise ValueError(
        f"{written!r} is no target; write a share as 40%, a number as 120, money as 5000 CNY, a time as 30m"
    )


def _format_goal(goal: Goal) -> str:
    match goal.kind:
        case "share":
            return f"{goal.number * 100:g}%"
        case "number":
            return f"{goal.number:.0f}"
        case "seconds":
            return format_duration(timedelta(seconds=goal.number))
        case "money":
            return str(Amount(minor=round(goal.number), currency=goal.currency))


def _parse_period(text: object) -> Months:
    if isinstance(text, Months):
        return text
    if not (match := _PERIOD.fullmatch(str(text))):
        raise ValueError(f"{text!r} is not a length; write 24h, 7d, 1mo, 3mo or 1y")
    number = int(match[1])
    match match[2]:
        case "h":
            return Months(hours=number)
        case "d":
            return Months(hours=24 * number)
        case "mo":
            return Months(months=number)
        case _:
            return Months(months=12 * number)


def _format_period(period: Months) -> str:
    if period.months:
        return f"{period.months}mo"
    return f"{period.hours // 24}d" if period.hours % 24 == 0 else f"{period.hours}h"


class Amount(BaseModel):
    """Money: an integer of the currency's smallest unit (ISO 4217; Telegram's Stars are XTR)."""

    model_config = ConfigDict(frozen=True)
    minor: int
    currency: str

    def __str__(self) -> str:
        digits = minor_digits(self.currency)
        whole, rest = divmod(self.minor, 10**digits)
        return f"{whole}{f'.{rest:0{digits}}' if digits else ''} {self.currency}"


def minor_digits(currency: str) -> int:
    """Decimal places of a currency (ISO 4217): two, but for those that have none, or three."""
    if currency in {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF",
                    "XOF", "XPF", "XTR"}:  # fmt: skip
        return 0
    return 3 if currency in {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"} else 2


def parse_money(text: object) -> Amount:
    """`29.90 USD` or `500 XTR`. Raises ValueError saying how to write it."""
    if isinstance(text, Amount):
        return text
    match = _MONEY.fullmatch(str(text))
    if not match or len(match[2] or "") > minor_digits(match[3]):
        raise ValueError(f"{text!r} is not an amount of money; write it as 29.90 USD, 199 CNY, 500 XTR")
    digits = minor_digits(match[3])
    return Amount(minor=int(match[1] + (match[2] or "").ljust(digits, "0")), currency=match[3])


def _parse_clock(text: object) -> time:
    if isinstance(text, time):
        return text
    if not (match := _CLOCK.fullmatch(str(text))):
        raise ValueError(f"{text!r} is not a time of day; write it as HH:MM, such as 08:30")
    return time(int(match[1]), int(match[2]))


def _parse_percent(value: object) -> float:
    match = _PERCENT.fullmatch(str(value))
    if isinstance(value, bool) or not match or float(match[1]) > 100:
        raise ValueError(f"{value!r} is not a percentage; write a number from 0 to 100, such as 10%")
    return float(match[1])


@cache
def _zones() -> frozenset[str]:
    """Names every system knows; `localtime` and the like depend on the machine."""
    return frozenset(zone for zone in available_timezones() if "/" in zone) | {"UTC"}


@cache
def _zones_folded() -> dict[str, str]:
    return {_folded_zone(zone): zone for zone in _zones()}


def _folded_zone(text: str) -> str:
    return text.strip().casefold().replace("/", "-").replace(" ", "_")


def find_zone(text: str) -> str | None:
    """The IANA zone that `text` names; case does not matter, nor `-` for `/` (buttons) and spaces for `_`."""
    return _zones_folded().get(_folded_zone(text))


def _check_zone(zone: str) -> str:
    if zone not in _zones():
        raise ValueError(f"{zone!r} is not a time zone; write an IANA name such as Asia/Shanghai or UTC")
    return zone


def _check_cron(cron: str) -> str:
    advice = "write five fields (minute hour day month weekday), such as '0 * * * *'"
    try:
        if len(cron.split()) != 5:
            raise CronSimError(f"it has {len(cron.split())} fields")
        next(CronSim(cron, datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise ValueError(f"{cron!r} is not a cron ({error}); {advice}") from None
    except StopIteration:
        raise ValueError(f"{cron!r} never fires: no such date exists; {advice}") from None
    return cron


def _check_locale(locale: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?", locale):
        raise ValueError(f"{locale!r} is not a locale; write it as zh-Hans, zh-Hant, en")
    return locale


def _check_key(key: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", key):
        raise ValueError(f"{key!r} is not a key; write up to 32 of a-z 0-9 _, a letter first")
    return key


def _check_token(token: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", token):
        raise ValueError(f"{token!r} is not a link token; write 1 to 32 of A-Z a-z 0-9 _ -")
    return token


def _check_text(value: object) -> str:
    """Numbers are welcome as text: an answer may be 42."""
    text = str(value) if type(value) in (str, int, float) else ""
    if not text.strip() or len(text) > 255 or not text.isprintable():
        raise ValueError("must be one line of 1 to 255 characters")
    return text


def _check_url(url: str) -> str:
    if not re.fullmatch(r"https?://[\w.:-]+([/?#][!#-;=?-~]{0,2000})?", url, re.ASCII):
        raise ValueError(f"{url!r} is not a web address; write it in full, such as https://…")
    return url


def _check_payment_url(url: str) -> str:
    fields = set(re.findall(r"{([^{}]*)}", url))
    bare = re.sub(r"{[a-z]+}", "x", url)
    if not url.startswith("https://") or fields - {"order", "amount", "currency"} or "{" in bare or "}" in bare:
        raise ValueError(f"{url!r} is not an https:// address with {{order}}, {{amount}} and {{currency}} in it")
    if "order" not in fields or "{" in urlsplit(url).netloc:
        raise ValueError(f"{url!r} must name the {{order}}, behind the host: by it the payment is known again")
    return _check_url(bare) and url


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration)]
"""Written `90s`, `10m`, `24h`, `7d`."""
Offset = Annotated[timedelta, BeforeValidator(_parse_offset), PlainSerializer(_format_offset)]
"""A distance from a moment: `-1h` before it, `30m` after it, `0m` then."""
Period = Annotated[Months, BeforeValidator(_parse_period), PlainSerializer(_format_period)]
"""A length: `24h`, `7d`, `1mo`, `3mo`, `1y`; months and years are the calendar's."""
Money = Annotated[Amount, BeforeValidator(parse_money), PlainSerializer(str)]
"""An amount of money: `29.90 USD`, `500 XTR`."""
ClockTime = Annotated[time, BeforeValidator(_parse_clock), PlainSerializer(lambda clock: f"{clock:%H:%M}")]
"""A time of day, written `08:30`."""
Percent = Annotated[float, BeforeValidator(_parse_percent)]
"""0 to 100, written `10%` or `10`."""
Target = Annotated[Goal, BeforeValidator(_parse_goal), PlainSerializer(_format_goal)]
"""What a KPI should reach: `40%`, `120`, `5000 CNY`, `30m`."""
Zone = Annotated[str, AfterValidator(_check_zone)]
"""IANA time zone."""
Cron = Annotated[str, AfterValidator(_check_cron)]
"""Five fields; always used with a zone."""
Locale = Annotated[str, AfterValidator(_check_locale)]
"""Language and script, such as `zh-Hans`."""
Key = Annotated[str, AfterValidator(_check_key)]
"""A name in lower case that files, buttons and reports refer to."""
Token = Annotated[str, AfterValidator(_check_token)]
"""What stands in a link: opaque, safe in an address and in Telegram's start payload."""
Text = Annotated[str, BeforeValidator(_check_text)]
"""One line of words."""
Url = Annotated[str, AfterValidator(_check_url)]
"""A full web address."""
PaymentUrl = Annotated[str, AfterValidator(_check_payment_url)]
"""Where an order is paid, with what goes into it in braces."""
