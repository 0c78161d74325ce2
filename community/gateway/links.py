"""Tracked links: the click is recorded, then the visitor is led on to where the playbook says, and nowhere else."""

import asyncio
import logging
import re

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from community.activity.record import Activity, record
from community.database.installation import sop_now
from community.database.pool import Connection, Pool
from community.database.queries import load
from community.errors import PlaybookError
from community.gateway.counters import CLICKS, PREVIEWS, UNKNOWN_LINKS
from community.gateway.health import ANSWER_S, UNAVAILABLE
from community.gateway.library import Library, browser_of
from community.gateway.pages import not_found, try_later
from community.gateway.shop import Shop
from community.gateway.visitors import remember, visitor_of
from community.live.people import visit
from community.live.sessions import LINK
from community.members.links import LIBRARY, Followed, Target, follow, target_of
from community.outbox.bundles import Bundles
from community.outbox.render import RenderError
from community.outbox.settle import confirm

queries = load(__file__)
log = logging.getLogger(__name__)

ROBOTS = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|preview|facebookexternalhit|facebot|whatsapp|telegrambot|slack|twitterbot|discordbot"
    r"|linkedin|skypeuripreview|embedly|vkshare|pinterest|wechat.*fetch|headless|python-|curl/|wget/|go-http|okhttp|java/",
    re.IGNORECASE,
)
"""User agents that fetch a link to show what is behind it, and other programs: no member's click."""


class Links:
    """The endpoint `/l/{path}`."""

    def __init__(self, pool: Pool, secret: str, shop: Shop) -> None:
        self._pool, self._secret = pool, secret
        self._shop, self._library, self._bundles = shop, Library(shop), Bundles()

    async def visit(self, request: Request) -> Response:
        """Record the click and redirect; 404 for what is unknown or forged, 503 while the database is away."""
        followed = follow(request.path_params["path"], self._secret)
        if followed is None:
            return unknown("forged")
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._lead(request, followed)
        except UNAVAILABLE:
            return try_later()
        except (PlaybookError, RenderError) as error:
            log.warning("links: %s", error)
            return try_later()

    async def _lead(self, request: Request, followed: Followed) -> Response:
        async with self._pool.connection() as conn:
            target = await target_of(conn, followed.token)
            if target is None:
                return unknown("unknown")
            if target.kind == LIBRARY:
                return await self._lead_member(conn, request, followed, target)
            address = self._address(target)
            if address is None:
                return try_later()
            if is_robot(request):
                PREVIEWS.inc()
            else:
                await _record(conn, target, followed, await _member(conn, followed), {})
        return RedirectResponse(address, 302)

    async def _lead_member(self, conn: Connection, request: Request, followed: Followed, target: Target) -> Response:
        """On to what the library has, for who holds it; else the page that says how to. No program is let through."""
        bundle, visitor, at = await self._bundles.current(conn), visitor_of(request), await sop_now(conn)
        member_id = await _member(conn, followed)
        why = "closed" if is_robot(request) else None
        why = why or await self._library.refusal(conn, bundle, followed, member_id, visitor, at)
        if why is not None or target.url is None:
            return await self._library.closed(conn, bundle, request, followed, member_id, why or "closed")
        await _record(conn, target, followed, member_id, {"browser": browser_of(visitor)})
        response = RedirectResponse(target.url, 302)
        if visitor.new:
            remember(response, visitor, secure=self._shop.secure, path="/l")
        return response

    def _address(self, target: Target) -> str | None:
        """Where the link leads: its own address, or the bot with the token as start payload."""
        if target.kind != "entry":
            return target.url
        return self._shop.telegram(target.token)


def is_robot(request: Request) -> bool:
    """Whether a program looks, not a person. One without a user agent is a program, and so is HEAD."""
    agent = request.headers.get("user-agent", "")
    return request.method == "HEAD" or not agent or ROBOTS.search(agent) is not None


async def _member(conn: Connection, followed: Followed) -> int | None:
    """Whose message the link was in, if it was in one."""
    if followed.message_id is None:
        return None
    row = await (await conn.execute(queries.member_of_message, {"id": followed.message_id})).fetchone()
    return row["member_id"] if row else None


async def _record(
    conn: Connection, target: Target, followed: Followed, member_id: int | None, more: dict[str, object]
) -> None:
    """The click; one on a link in a message names its member, and proves that the message arrived.

    One on a live session's says that the member wants to come, or is there.
    """
    data: dict[str, object] = {"link": target.token, **more}
    async with conn.transaction():
        if followed.message_id is not None:
            await confirm(conn, followed.message_id)
            data["message"] = followed.message_id
        at = await sop_now(conn)
        await record(conn, [Activity("click", at, member_id, None, data)])
        if member_id is not None and target.kind == LINK:
            await visit(conn, int(target.token.removeprefix(f"{LINK}-")), member_id, at)
    CLICKS.labels(target.kind).inc()


def unknown(reason: str) -> Response:
    """The friendly page for an address that leads nowhere; counted."""
    UNKNOWN_LINKS.labels(reason).inc()
    return not_found()
