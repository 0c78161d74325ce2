"""Numbers that people read to each other: an order's, and the code by which it is claimed. Pure, but for the dice."""

import re
import unicodedata
from hashlib import sha256
from hmac import compare_digest
from secrets import choice

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without what is taken for something else: 0 O, 1 I L. Its length is a prime, so that the check digit finds any one
character that is wrong, and any two that changed places."""
LENGTH = 8
CODE_LENGTH = 10
START = "paid_"
"""Start payload by which an order is claimed: this, the number and the code."""

_DASHES = dict.fromkeys(map(ord, "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58"))
_CLAIM = re.compile(rf"{START}([{ALPHABET}]{{{LENGTH}}})_([{ALPHABET}]{{{CODE_LENGTH}}})")


def new_number() -> str:
    """A number that nobody guesses from another, with its check digit."""
    drawn = _drawn(LENGTH - 1)
    return drawn + check_digit(drawn)


def check_digit(text: str) -> str:
    """What makes the weighted sum of all a multiple of the alphabet's length."""
    total = sum((place + 2) * ALPHABET.index(letter) for place, letter in enumerate(reversed(text)))
    return ALPHABET[-total % len(ALPHABET)]


def read_number(text: str) -> str | None:
    """The order's number that the whole text is; case, width, spaces and dashes do not matter."""
    number = _folded(text)
    whole = len(number) == LENGTH and set(number) <= set(ALPHABET)
    return number if whole and check_digit(number[:-1]) == number[-1] else None


def shown(number: str) -> str:
    """As people see it: `A7K2-93QX`."""
    return f"{number[:4]}-{number[4:]}"


def new_code() -> str:
    """The proof of who opened the order: shown once, and only its hash is kept."""
    return _drawn(CODE_LENGTH)


def code_hash(code: str) -> str:
    """Of a code as it was typed."""
    return sha256(_folded(code).encode()).hexdigest()


def proves(code: str, kept: str | None) -> bool:
    """Whether the code is the one whose hash was kept."""
    return compare_digest(code_hash(code), kept or "")


def claim_payload(number: str, code: str) -> str:
    """The start payload of the link on the page that thanks who paid."""
    return f"{START}{number}_{code}"


def read_claim(payload: str) -> tuple[str, str] | None:
    """Number and code of a start payload; None: it is another."""
    match = _CLAIM.fullmatch(payload)
    return (match[1], match[2]) if match else None


def _drawn(length: int) -> str:
    return "".join(choice(ALPHABET) for _ in range(length))


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).translate(_DASHES).split()).upper()
