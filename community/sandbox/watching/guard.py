"""Which requests may drive the sandbox: a page of somebody else's, open in the same browser, may not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, MutableMapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]


def refusal(scope: Scope, allowed: Collection[str] = ()) -> str | None:
    """Why this request is not answered; None when it may be.

    The host must be this machine's by name, an address, the name served under, or an `allowed` one: a name of
    somebody else's that leads here (DNS rebinding) would let their page read everything. Where a browser names the
    origin of what it sends, that must be this page. Browsers always name the host.
    """
    headers = scope["headers"]
    host = _header(headers, b"host")
    name = _name(host).lower()
    if host and name not in allowed and not _own(name, scope.get("server")):
        return f"host {host[:80]!r} is not this machine: use its address or localhost, or --allow-host"
    origin = _header(headers, b"origin")
    if origin and _netloc(origin) != host.lower():
        return f"origin {origin[:80]!r} is another page's"
    return None


def _netloc(origin: str) -> str:
    """Host and port of an origin; empty for ``null`` and nonsense."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key == name), "")


def _name(host: str) -> str:
    """The host without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host


def _own(name: str, server: tuple[str, int | None] | None) -> bool:
    if name == "localhost" or name.endswith(".localhost") or (server is not None and name == server[0].lower()):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
