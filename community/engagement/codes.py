"""What a coupon's code looks like, however it is typed. Pure."""

import re
import unicodedata

LONGEST = 32
"""With a button's action and the message's number it fits Telegram's 64 bytes."""
SHAPE = re.compile(r"[A-Z0-9][A-Z0-9_-]{2,31}")
PERSONAL = re.compile(r"[A-Z][A-Z0-9]{1,9}-[0-9A-F]{12}")
"""A member's own: the offer's prefix, and what makes it theirs."""

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58"), "-")


def read_code(text: str) -> str | None:
    """The code that the whole text is, in upper case; case, width, spaces and the kind of dash do not matter."""
    code = "".join(unicodedata.normalize("NFKC", text).translate(_DASHES).split()).upper()
    return code if SHAPE.fullmatch(code) else None
