"""Text that PostgreSQL can store."""


def storable(text: str) -> str:
    """`text` without NUL and lone surrogates, which neither text nor jsonb columns take; nothing else is changed."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")
