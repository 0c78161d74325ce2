"""Tracked links: entry links of campaigns and resources in messages.

A link in a message is `<base>/l/<token>.<message id, base 36>.<8 hex of its HMAC>`, so that a click names its message
and cannot be made up; an entry link is `<base>/l/<token>`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest, new as hmac
from typing import Any

import orjson

from community.database.installation import sop_now
from community.database.pool import Connection
from community.database.queries import load
from community.playbook import Playbook
from community.playbook_offers import library_of

queries = load(__file__)

LINKS = "links"
"""Purpose of the secret by which links in messages are signed (`Settings.lasting_secret`)."""
LIBRARY = "library"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
SHAPE = re.compile(r"([A-Za-z0-9_-]{1,64})(?:\.([0-9a-z]{1,13})\.([0-9a-f]{8}))?", re.ASCII)

PAGE_TOKEN = re.compile(r"([0-9a-z]{1,13})\.([0-9a-f]{16})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Followed:
    """What a visited link says. `message_id` is believed, as its signature was checked; None for an entry link."""

    token: str
    message_id: int | None


@dataclass(frozen=True, slots=True)
class Target:
    """A known link. `kind` is `entry` (leads to the bot), `resource` or `live` (lead to `url`), or `library`.

    The last leads to `url` those alone who hold a plan that names it.
    """

    token: str
    kind: str
    url: str | None


def link_url(base: str | None, secret: str, token: str, message_id: int, target: str) -> str:
    """Address of the link `token` as written in a message; `target` itself when there is no public address."""
    if base is None:
        return target
    return f"{base}/l/{token}.{_base36(message_id)}.{_signature(secret, token, message_id)}"


def follow(path: str, secret: str) -> Followed | None:
    """Read the part of a visited address behind `/l/`; None if it is malformed or its signature is wrong."""
    match = SHAPE.fullmatch(path)
    if match is None:
        return None
    token, number, signature = match.groups()
    if number is None:
        return Followed(token, None)
    message_id = int(number, 36)
    genuine = compare_digest(signature, _signature(secret, token, message_id)) and message_id < 2**63
    return Followed(token, message_id) if genuine else None


def page_url(base: str, secret: str, plan: str, message_id: int, coupon: str | None) -> str:
    """Address of a plan's page as written in a message, which names its member to the page."""
    token = f"{_base36(message_id)}.{_page_signature(secret, message_id)}"
    return f"{base}/buy/{plan}?m={token}" + (f"&coupon={coupon}" if coupon else "")


def read_page_token(text: str, secret: str) -> int | None:
    """The number of the message that the page was opened from; None for what we did not write."""
    match = PAGE_TOKEN.fullmatch(text)
    message_id = int(match[1], 36) if match else 0
    genuine = match is not None and compare_digest(match[2], _page_signature(secret, message_id))
    return message_id if genuine and message_id < 2**63 else None


async def target_of(conn: Connection, token: str) -> Target | None:
    """The link of that token."""
    row = await (await conn.execute(queries.link, {"token": token})).fetchone()
    return Target(row["token"], row["kind"], row["url"]) if row else None


async def set_link(conn: Connection, token: str, kind: str, url: str, at: datetime) -> None:
    """Make or change one tracked link that leads to `url`."""
    columns = {"token": [token], "kind": [kind], "url": [url], "source": ["{}"]}
    await conn.execute(queries.sync_links, {**columns, "at": at})


async def sync_links(conn: Connection, playbook: Playbook) -> None:
    """Bring the table up to the playbook's entry links and resources. Links once published are kept."""
    links = [*_entries(playbook), *_resources(playbook)]
    columns = {name: [link[name] for link in links] for name in ("token", "kind", "url", "source")}
    await conn.execute(queries.sync_links, {**columns, "at": await sop_now(conn)})


def _entries(playbook: Playbook) -> Iterable[dict[str, Any]]:
    for link in playbook.links:
        source = link.model_dump(exclude={"token"}, exclude_none=True)
        yield {"token": link.token, "kind": "entry", "url": None, "source": orjson.dumps(source).decode()}


def _resources(playbook: Playbook) -> Iterable[dict[str, Any]]:
    guarded = library_of(playbook.plans.values())
    for resource in playbook.resources:
        if resource.url:
            kind = LIBRARY if resource.key in guarded else "resource"
            yield {"token": resource.key, "kind": kind, "url": resource.url, "source": "{}"}


def _signature(secret: str, token: str, message_id: int) -> str:
    return hmac(secret.encode(), f"{token}.{message_id}".encode(), sha256).hexdigest()[:8]


def _page_signature(secret: str, message_id: int) -> str:
    return hmac(secret.encode(), f"page.{message_id}".encode(), sha256).hexdigest()[:16]


def _base36(number: int) -> str:
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = DIGITS[rest] + digits
        if number == 0:
            return digits
