"""Tracked links: the click is recorded, then the visitor is led on to where the playbook says, and nowhere else."""

import asyncio
import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from community.activity.record import Activity, record
from community.database.installation import sop_now
from community.database.pool import Connection, Pool
from community.database.queries import load
from community.gateway.counters import CLICKS, PREVIEWS, UNKNOWN_LINKS
from community.gateway.health import ANSWER_S, UNAVAILABLE
from community.gateway.pages import not_found, try_later
from community.live.people import visit
from community.live.sessions import LINK
from community.members.links import Followed, Target, follow, target_of
from community.outbox.settle import confirm

queries = load(__file__)

ROBOTS = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|preview|facebookexternalhit|facebot|whatsapp|telegrambot|slack|twitterbot|discordbot"
    r"|linkedin|skypeuripreview|embedly|vkshare|pinterest|wechat.*fetch|headless|python-|curl/|wget/|go-http|okhttp|java/",
    re.IGNORECASE,
)
"""User agents that fetch a link to show what is behind it, and other programs: no member's click."""


class Links:
    """The endpoint `/l/{path}`."""

    def __init__(self, pool: Pool, secret: str, username: Callable[[], str | None]) -> None:
        self._pool = pool
        self._secret = secret
        self._username = username

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

    async def _lead(self, request: Request, followed: Followed) -> Response:
        async with self._pool.connection() as conn:
            target = await target_of(conn, followed.token)
            if target is None:
                return unknown("unknown")
            address = self._address(target)
            if address is None:
                return try_later()
            if is_robot(request):
                PREVIEWS.inc()
            else:
                await _record(conn, target, followed)
        return RedirectResponse(address, 302)

    def _address(self, target: Target) -> str | None:
        """Where the link leads: its own address, or the bot with the token as start payload."""
        if target.kind != "entry":
            return target.url
        username = self._username()
        return f"https://t.me/{username}?start={target.token}" if username else None


def is_robot(request: Request) -> bool:
    """Whether a program looks, not a person. One without a user agent is a program, and so is HEAD."""
    agent = request.headers.get("user-agent", "")
    return request.method == "HEAD" or not agent or ROBOTS.search(agent) is not None


async def _record(conn: Connection, target: Target, followed: Followed) -> None:
    """The click; one on a link in a message names its member, and proves that the message arrived.

    One on a live session's says that the member wants to come, or is there.
    """
    data: dict[str, object] = {"link": target.token}
    member_id = None
    async with conn.transaction():
        if followed.message_id is not None:
            await confirm(conn, followed.message_id)
            row = await (await conn.execute(queries.member_of_message, {"id": followed.message_id})).fetchone()
            member_id = row["member_id"] if row else None
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
