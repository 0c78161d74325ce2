"""What the copy of access is given: groups that plans open, who comes in, who leaves. As in copy_contexts."""

from typing import Any

_TITLE = "<" + "😀" * 127
_LARGEST = 2**63 - 1
LIBRARY = [
    {"key": "a" * 32, "title": "<" + "😀" * 127, "link": f"https://{'x' * 60}.example/l/{'a' * 32}.{'x' * 24}"}
] * 10
"""What plans give to read."""
ACCESS: dict[str, dict[str, Any]] = {
    "access/declined": {
        "elses": True,
        "includes": [{"key": "a" * 32, "title": _TITLE, "price": "999999999999.99 USD"}] * 8,
    },
    "access/way": {"join_url": f"https://t.me/+{'x' * 40}", "library": LIBRARY},
    "access/ended": {},
    "staff/leak": {
        "title": _TITLE,
        "number": _LARGEST,
        "telegram_id": _LARGEST,
        "name": "<" + "😀" * 63,
        "by": _LARGEST,
        "strangers": 10**9,
        "replaced": True,
    },
    "staff/removals": {
        "number": 10**9,
        "most": 1000,
        "until": 10**11,
        "groups": [{"title": _TITLE, "members": 10**9}] * 5,
    },
}
TO_STAFF = frozenset({"staff/leak", "staff/removals"})
"""Those that are to no member."""
