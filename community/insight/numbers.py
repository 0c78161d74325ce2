"""Numbers in words, as reports and pages show them: with separators, and units in the reader's language."""

from typing import Protocol

from community.playbook_types import minor_digits

NOTHING = "–"
_SIZES = (("day", 86_400, 172_800), ("hour", 3_600, 3_600), ("minute", 60, 60))


class Words(Protocol):
    """What the units are called: `day`, `hour`, `minute`, `second`, `points`."""

    def __getitem__(self, key: str, /) -> str: ...


def number_text(unit: str, number: float | None, currency: str, words: Words) -> str:
    """A number of that unit."""
    if number is None:
        return NOTHING
    match unit:
        case "share":
            return percent(number)
        case "points":
            return points(number)
        case "money":
            return money(number, currency)
        case "seconds":
            return duration(number, words)
        case "ratio":
            return f"{number:,.1f}"
        case _:
            return f"{number:,.0f}"


def percent(share: float) -> str:
    """`42%`, and of little `4.2%`."""
    return f"{100 * share:.{1 if abs(share) < 0.1 else 0}f}%"


def points(difference: float) -> str:
    """`+1.5` percentage points: a difference of shares."""
    return f"{100 * difference:+z.1f}".replace("-", "−")


def money(minor: float, currency: str) -> str:
    """`12,345.60 CNY`, to the last digit however much it is."""
    digits = minor_digits(currency)
    whole, rest = divmod(abs(round(minor)), 10**digits)
    sign = "-" if round(minor) < 0 else ""
    return f"{sign}{whole:,}{f'.{rest:0{digits}}' if digits else ''} {currency}".strip()


def duration(seconds: float, words: Words) -> str:
    """`45 s`, `12 min`, `3.5 h`, `2.1 d`."""
    for unit, size, least in _SIZES:
        if seconds >= least:
            return f"{seconds / size:.{0 if unit == 'minute' else 1}f} {words[unit]}"
    return f"{seconds:.0f} {words['second']}"


def change(unit: str, number: float | None, before: float | None) -> float | None:
    """Since the window before: of shares the difference, else the part by which it grew; None: it cannot be said."""
    if number is None or before is None:
        return None
    if unit == "share":
        return number - before
    return (number - before) / abs(before) if before else None


def change_text(unit: str, changed: float, words: Words) -> str:
    """`+1.5 points` of a share, else `−12%`."""
    text = f"{100 * changed:+z.1f} {words['points']}" if unit == "share" else f"{100 * changed:+z,.0f}%"
    return text.replace("-", "−")
