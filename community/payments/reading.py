"""Values out of a provider's body. It is signed by then, but what has not the shape it should have is malformed all
the same: nothing is guessed where money is concerned.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from community.playbook_types import Amount

LONGEST = 255
BIGINT = 2**63
LATEST_S = 253_402_300_799
"""The last second of the year 9999."""

Body = Mapping[str, Any]


class Malformed(ValueError):
    """A body that is not what its provider says it sends; the message says what is wrong, and holds none of it."""


def read_object(body: bytes) -> Body:
    """The JSON object that the body is. Raises Malformed."""
    try:
        found = orjson.loads(body)
    except ValueError:
        raise Malformed("the body is not JSON") from None
    if not isinstance(found, dict):
        raise Malformed("the body is not a JSON object")
    return found


def part(holder: Any, *names: str) -> Any:
    """What lies under these names one in another; None where one is missing."""
    for name in names:
        holder = holder.get(name) if isinstance(holder, Mapping) else None
    return holder


def text_of(value: Any, name: str) -> str | None:
    """One line of words; None when there are none. Raises Malformed."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
        raise Malformed(f"{name}: not a line of at most {LONGEST} characters")
    return value.strip() or None


def number_of(value: Any, name: str) -> int | None:
    """A whole number, also as text; None when there is none. Raises Malformed."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit() and len(value) <= 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -BIGINT <= value < BIGINT:
        raise Malformed(f"{name}: not a whole number")
    return value


def moment_of(value: Any, name: str) -> datetime | None:
    """A moment as Unix seconds or as ISO 8601 with its offset; None when there is none. Raises Malformed."""
    if isinstance(value, str) and not value.isdigit():
        return _written(value, name) if value else None
    seconds = number_of(value, name)
    if seconds is not None and not 0 <= seconds <= LATEST_S:
        raise Malformed(f"{name}: not a moment")
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def amount_of(minor: Any, currency: Any) -> Amount | None:
    """An amount of the currency's smallest unit; None when there is none. Raises Malformed."""
    number, code = number_of(minor, "amount"), text_of(currency, "currency")
    if number is None:
        return None
    if number < 0 or code is None or not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise Malformed("amount: not a whole number of the smallest unit of a three-letter currency")
    return Amount(minor=number, currency=code.upper())


def _written(value: str, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed(f"{name}: not a moment with its offset, such as 2026-03-04T12:00:00+08:00") from None
