"""Library links: what a plan gives opens for who holds such a plan, by a link of their own; others read how to get it.

A browser is no account: a link that is passed on opens for others too while its member holds the plan, so each opens
in so many browsers only. A member who needs more gets a new link from the bot.
"""

from datetime import datetime
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from community.access.doors import holding
from community.access.library import plans_with
from community.bundle import Bundle
from community.database.pool import Connection
from community.database.queries import load
from community.gateway.counters import LIBRARY_CLOSED
from community.gateway.shop import Shop
from community.gateway.visitors import Visitor
from community.members.links import Followed
from community.members.people import by_id
from community.page_templates import LIBRARY
from community.payments.selling import on_sale
from community.playbook_offers import title_of

queries = load(__file__, "queries.sql")

MOST_BROWSERS = 5
"""In so many one link opens: a phone's own and Telegram's, a desk's, and some that keep no cookie."""


class Library:
    """Who may open a library link, and what all others are shown."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def refusal(
        self,
        conn: Connection,
        bundle: Bundle,
        followed: Followed,
        member_id: int | None,
        visitor: Visitor,
        at: datetime,
    ) -> str | None:
        """Why the link does not open: `closed` to whoever has it, or in one more browser. None: it does."""
        plans = plans_with(bundle.playbook, followed.token)
        if member_id is None or await holding(conn, member_id, plans, at) is None:
            return "closed"
        values = {"member_id": member_id, "link": followed.token, "message": followed.message_id, "at": at}
        row = await (await conn.execute(queries.browsers, values)).fetchone()
        seen = row["browsers"] if row else []
        return None if browser_of(visitor) in seen or len(seen) < MOST_BROWSERS else "browsers"

    async def closed(
        self, conn: Connection, bundle: Bundle, request: Request, followed: Followed, member_id: int | None, why: str
    ) -> Response:
        """The page that says what it is, and how to get it. It tells nobody whose link it is."""
        LIBRARY_CLOSED.labels(why).inc()
        member = await by_id(conn, member_id) if member_id is not None else None
        guest, playbook = self._shop.reader(bundle, request, member), bundle.playbook
        resource, default = playbook.resource(followed.token), playbook.community.locale
        sold = on_sale(playbook)
        context = {
            "title": (resource and (resource.title.get(guest.locale) or resource.title.get(default))) or "",
            "why": why,
            "plans": [
                {
                    "title": title_of(sold[key], default, guest.locale),
                    "price": str(sold[key].price),
                    "address": f"/buy/{key}?lang={guest.locale}",
                }
                for key in plans_with(playbook, followed.token)
                if key in sold
            ],
            "bot_address": self._shop.telegram("membership"),
            "languages": self._shop.languages(bundle, request.url.path, {}),
        }
        return self._shop.answer(bundle, guest, LIBRARY, context, 403)


def browser_of(visitor: Visitor) -> str:
    """A browser as clicks name it: by nothing that its cookie could be made from."""
    return sha256(visitor.id.encode()).hexdigest()[:12]
