"""Who opens a page: known by a cookie that names nobody, or by the message that they came from; and how often."""

import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest, new as hmac
from ipaddress import ip_address, ip_network
from re import ASCII, compile as pattern
from secrets import token_urlsafe
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "visitor"
KEPT_S = 180 * 86_400
MOST_KNOWN = 10_000
"""Visitors and addresses remembered at once for the limits; the longest silent are forgotten first."""
NETWORK = 64
"""Bits of an IPv6 address that are the customer's; within it they have as many addresses as they like."""
_SHAPE = pattern(r"[A-Za-z0-9_-]{20,40}", ASCII)


class Visitor(NamedTuple):
    """The browser, by its cookie. `new`: it had none."""

    id: str
    new: bool


def visitor_of(request: Request) -> Visitor:
    """The visitor; a new one gets a number drawn at random."""
    known = request.cookies.get(COOKIE, "")
    return Visitor(known, False) if _SHAPE.fullmatch(known) else Visitor(token_urlsafe(18), True)


def address_of(request: Request) -> str:
    """Where the request comes from, as far as limits are concerned: of IPv6 the network that one customer is given."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    address = getattr(address, "ipv4_mapped", None) or address
    return str(address) if address.version == 4 else str(ip_network((address, NETWORK), strict=False))


def remember(response: Response, visitor: Visitor, *, secure: bool, path: str = "/buy") -> None:
    """Let the browser keep its number; no script reads it, and no other site's form brings it along."""
    response.set_cookie(COOKIE, visitor.id, max_age=KEPT_S, path=path, secure=secure, httponly=True, samesite="lax")


class Forms:
    """Forms that only the page itself can have filled in: their token belongs to the visitor and the plan."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def token(self, visitor: Visitor, plan: str) -> str:
        """What the page writes into its form."""
        return hmac(self._secret, f"{visitor.id}:{plan}".encode(), sha256).hexdigest()[:32]

    def is_ours(self, request: Request, visitor: Visitor, plan: str, token: str) -> bool:
        """Whether the form was on our page, in this visitor's browser."""
        if visitor.new or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        return compare_digest(self.token(visitor, plan).encode(), token.encode(errors="replace"))


class Limits:
    """So many times within so many seconds, for each key. Of this process, and without the database."""

    def __init__(self, most: Mapping[str, int], within_s: float) -> None:
        self._most, self._within_s = most, within_s
        self._times: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def allow(self, **keys: str) -> bool:
        """Count one more for each `kind=key`; False, and not counted, if that is too many for one of them."""
        now = time.monotonic()
        found = [(kind, self._recent((kind, key), now)) for kind, key in keys.items()]
        if any(len(times) >= self._most[kind] for kind, times in found):
            return False
        for _, times in found:
            times.append(now)
        return True

    def _recent(self, key: tuple[str, str], now: float) -> deque[float]:
        times = self._times.setdefault(key, deque())
        self._times.move_to_end(key)
        while times and times[0] <= now - self._within_s:
            times.popleft()
        while len(self._times) > MOST_KNOWN:
            self._times.popitem(last=False)
        return times
