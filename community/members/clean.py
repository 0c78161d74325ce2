"""Text that people wrote: that PostgreSQL can store, that a spreadsheet does not run."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A text that begins so would be run as a formula by a spreadsheet."""


def storable(text: str) -> str:
    """`text` without NUL and lone surrogates, which neither text nor jsonb columns take; nothing else is changed."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")
