"""What a message's context names — a plan, a coupon, a live session — as it is at the moment of sending."""

import time
from collections.abc import Callable
from typing import Any, LiteralString

from community.bundle import Bundle
from community.database.pool import Connection
from community.database.queries import load
from community.moments import moment_text
from community.playbook_offers import title_of
from community.playbook_types import Amount

queries = load(__file__)

FRESH_S = 1.0
"""How old a number may be that a message shows, such as how many are left."""
LIVE = "live-"
"""Token of a live session's tracked link: this and its number."""
Link = Callable[[str, str], str]
"""The tracked address of a token, given where it leads."""


class References:
    """Looks up what contexts name; what many messages name is asked for once a second."""

    def __init__(self) -> None:
        self._known: dict[tuple[LiteralString, Any], Any] = {}
        self._since = 0.0

    async def look_up(self, conn: Connection, context: dict[str, Any]) -> dict[str, Any]:
        """Rows of the coupon and the live session that the context names, by key; None for what is not there.

        A message about a session names it as `live`. One that only mentions the next session names it as `next_live`,
        which is there no more once it is cancelled.
        """
        found = {}
        if next_id := context.get("next_live"):
            mentioned = await self._row(conn, queries.live_named, next_id)
            found["live"] = mentioned and (None if mentioned["cancelled_at"] else {**mentioned, "coupon": None})
        if live_id := context.get("live"):
            found["live"] = live = await self._row(conn, queries.live_named, live_id)
            context = {"coupon": live["coupon"] if live else None, **context}
        if code := context.get("coupon"):
            found["coupon"] = await self._row(conn, queries.coupon_named, code)
        return found

    async def _row(self, conn: Connection, query: LiteralString, key: Any) -> dict[str, Any] | None:
        if time.monotonic() - self._since > FRESH_S:
            self._known, self._since = {}, time.monotonic()
        if (query, key) not in self._known:
            found = await conn.execute(query, {"key": key})
            self._known[query, key] = await found.fetchone()
        row: dict[str, Any] | None = self._known[query, key]
        return row


def shown(
    bundle: Bundle, context: dict[str, Any], found: dict[str, Any], zone: str, locale: str, link: Link
) -> dict[str, Any]:
    """What copy sees of the things named, in the member's zone and language."""
    coupon = found.get("coupon") and coupon_shown(bundle, found["coupon"], zone, locale)
    plan = plan_shown(bundle, context.get("plan"), locale)
    live = found.get("live")
    of_live = coupon if live and live["coupon"] else None
    several: dict[str, Any] = {}
    if "includes" in context:
        several["includes"] = [each for key in context["includes"] if (each := plan_shown(bundle, key, locale))]
    if "library" in context:
        several["library"] = [each for key in context["library"] if (each := resource_shown(bundle, key, locale, link))]
    shown_live = live and _live_shown(bundle, live, of_live, zone, locale, link)
    return {"plan": plan, "coupon": coupon, "live": shown_live, **several}


def plan_shown(bundle: Bundle, key: str | None, locale: str) -> dict[str, Any] | None:
    """A plan of the playbook: key, title, price (text, or None). None when there is none of that key."""
    plan = bundle.playbook.plans.get(key or "")
    if plan is None:
        return None
    return {
        "key": key,
        "title": title_of(plan, bundle.playbook.community.locale, locale),
        "price": str(plan.price) if plan.price else None,
    }


def resource_shown(bundle: Bundle, key: str, locale: str, link: Link) -> dict[str, Any] | None:
    """A resource of the playbook: key, title, link (tracked). None when there is none of that key."""
    resource, default = bundle.playbook.resource(key), bundle.playbook.community.locale
    if resource is None:
        return None
    title = resource.title.get(locale) or resource.title.get(default, key)
    return {"key": key, "title": title, "link": link(key, resource.url)}


def coupon_shown(bundle: Bundle, row: dict[str, Any], zone: str, locale: str) -> dict[str, Any]:
    """A row of v_coupons for copy: the code, what it gives, until when, how many are left."""
    money = str(Amount(minor=row["value"], currency=row["currency"])) if row["currency"] else None
    opens = plan_shown(bundle, row["opens"], locale)
    return {
        "code": row["code"],
        "until": moment_text(row["valid_until_at"], zone, locale) if row["valid_until_at"] else None,
        "remaining": row["remaining"],
        "percent": f"{row['value'] / 100:g}" if row["kind"] == "percent" else None,
        "amount": money if row["kind"] == "amount" else None,
        "price": money if row["kind"] == "price" else None,
        "opens": opens and opens["title"],
    }


def _live_shown(
    bundle: Bundle, row: dict[str, Any], coupon: dict[str, Any] | None, zone: str, locale: str, link: Link
) -> dict[str, Any]:
    moments = {"starts": "starts_at", "ends": "ends_at", "window_until": "window_until_at"}
    return {
        **{name: row[name] for name in ("id", "title", "speaker", "materials", "remaining")},
        **{name: moment_text(row[column], zone, locale) for name, column in moments.items()},
        "link": link(f"{LIVE}{row['id']}", row["url"]),
        "plan": plan_shown(bundle, row["plan"], locale),
        "coupon": coupon,
    }
