"""From a claimed row to what the channel is given: copy in the member's language, links of its own."""

from dataclasses import replace
from functools import partial
from typing import Any

from community.bundle import Bundle
from community.channels.channel import Outcome, Outgoing, Result
from community.database.pool import Connection
from community.errors import PlaybookError
from community.members.links import link_url, page_url
from community.members.names import display_name, short_name
from community.moments import day_text, moment_text
from community.outbox.bundles import Bundles
from community.outbox.pictures import KEY, picture
from community.outbox.references import Link, References, shown
from community.outbox.render import Renderer, RenderError

PHOTO = "sendPhoto"
TRIAL = "trial"
"""Key of the context of a message sent as a test: it says so, and its links lead there directly, uncounted."""


class Composer:
    """Composes for one bot. `links_url`: where members' browsers reach the gateway, None for direct links."""

    def __init__(
        self, bundles: Bundles, *, bot_id: int, username: str, links_url: str | None, link_secret: str
    ) -> None:
        self.bot_id = bot_id
        self._bundles, self._username = bundles, username
        self._links_url, self._link_secret = links_url, link_secret
        self._renderers: dict[str, Renderer] = {}
        self._references = References()

    async def compose(self, conn: Connection, row: dict[str, Any]) -> Outgoing | Outcome:
        """The message of a claimed row; a refusal naming the fault when its copy cannot be rendered."""
        if row["template"] is None:
            return Outgoing(row["chat_id"], row["method"], parameters=row["context"])
        try:
            outgoing = await self.render(conn, await self._bundles.get(conn, row["bundle"]), row)
        except (RenderError, PlaybookError) as error:
            return Outcome(Result.refused, f"not_rendered: {error}")
        return await self._with_picture(conn, outgoing, row) if row["method"] == PHOTO else outgoing

    async def _with_picture(self, conn: Connection, outgoing: Outgoing, row: dict[str, Any]) -> Outgoing | Outcome:
        """The text as the caption of the picture that the context names."""
        shown = await picture(conn, str(row["context"].get(KEY)))
        if shown is None:
            return Outcome(Result.refused, "picture_gone")
        return replace(outgoing, method=PHOTO, picture=shown)

    async def render(self, conn: Connection, bundle: Bundle, row: dict[str, Any]) -> Outgoing:
        """Render a row (id, template, context, chat_id, names, locale, zone, group_title) with the copy of `bundle`.

        What its context names is shown as it is now. Raises RenderError.
        """
        return self.fill(bundle, row, await self._references.look_up(conn, row["context"]))

    def fill(self, bundle: Bundle, row: dict[str, Any], found: dict[str, Any]) -> Outgoing:
        """The same, given what `References` found. Raises RenderError."""
        if bundle.hash not in self._renderers:
            self._renderers[bundle.hash] = Renderer(bundle)
        locale = row["context"].get("locale") or row["locale"] or _default_locale(bundle, row)
        context = self._context(bundle, row, locale, found)
        rendered = self._renderers[bundle.hash].render(row["template"], locale, context)
        mark = f"<i>TEST · {row['template']} · {locale}</i>\n\n" if row["context"].get(TRIAL) else ""
        return Outgoing(row["chat_id"], text=mark + rendered.text, buttons=rendered.buttons)

    def _context(self, bundle: Bundle, row: dict[str, Any], locale: str, found: dict[str, Any]) -> dict[str, Any]:
        names = row["first_name"], row["last_name"], row["username"]
        zone = row.get("zone") or _default_zone(bundle)
        tracked = partial(self._tracked, None if row["context"].get(TRIAL) else row["id"])
        return {
            "group": {"title": row["group_title"] or bundle.playbook.community.name},
            "member": {"name": display_name(*names), "first_name": short_name(*names), "locale": locale},
            **row["context"],
            **shown(bundle, row["context"], found, zone, locale, tracked),
            "bot": self._username,
            "message_id": row["id"],
            "link": partial(self._link, bundle, tracked),
            "moment": partial(moment_text, zone=zone, locale=locale),
            "page": partial(self._page, row["id"]),
            "day": partial(day_text, zone=zone, locale=locale),
        }

    def _link(self, bundle: Bundle, tracked: Link, key: str) -> str:
        resource = bundle.playbook.resource(key)
        return tracked(key, (resource and resource.url) or f"https://t.me/{self._username}?start={key}")

    def _page(self, message_id: int, plan: str, coupon: str | None = None) -> str:
        """Where the plan is sold: its page, or the bot while there is none that browsers reach."""
        if self._links_url is None:
            return f"https://t.me/{self._username}?start=plan_{plan}"
        return page_url(self._links_url, self._link_secret, plan, message_id, coupon)

    def _tracked(self, message_id: int | None, token: str, target: str) -> str:
        if message_id is None:
            return target
        return link_url(self._links_url, self._link_secret, token, message_id, target)


def _default_locale(bundle: Bundle, row: dict[str, Any]) -> str:
    """Of a member who has none, nor has their group; and of a chat that is nobody's."""
    of_groups = bundle.playbook.group_defaults.locale if row["group_title"] else None
    return of_groups or bundle.playbook.community.locale


def _default_zone(bundle: Bundle) -> str:
    return bundle.playbook.group_defaults.zone or bundle.playbook.community.zone
