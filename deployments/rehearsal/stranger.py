"""What a stranger does who finds an entry link, and what must come of it."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import unquote

import aiohttp

from community.database.queries import load
from community.members.links import LINKS, follow
from community.outreach.welcome import STAGE
from community.playbook import Link, Resource
from community.sandbox.client import SandboxError
from community.simulation.behaviour import INVITE, seen
from community.simulation.market import BROWSER
from deployments.rehearsal.installation import Installation

queries = load(__file__, "queries.sql")
MISTAKEN = "the bot may take the token for something of its own: rename it"
PLANS_ALONE = "a group that plans open lets in their holders alone: lead the link elsewhere"


class Step(StrEnum):
    """What is rehearsed of a link, in order."""

    utm = "own UTM"
    address = "address"
    entry = "entry"
    source = "source tag"
    gifts = "gift pack"


class Amiss(Exception):
    """A step went wrong, so that the stranger goes no further; says what is wrong and what to do."""

    def __init__(self, step: Step, what: str) -> None:
        super().__init__(what)
        self.step, self.what = step, what


class Gift(NamedTuple):
    """A resource that members get on entry, and the addresses that lead to it in what the bot sent."""

    resource: Resource
    addresses: Sequence[str]


@dataclass(slots=True)
class Stranger:
    """Somebody new whose Telegram speaks `locale`, and who comes by `link`."""

    place: Installation
    http: aiohttp.ClientSession
    link: Link
    locale: str
    telegram_id: int
    amiss: Amiss | None = field(default=None, init=False)

    async def come_in(self) -> None:
        """Open the published address, press Start, answer at the gate; the source must be written then."""
        await self.place.telegram.create_user(self.telegram_id, self.locale, language_code=self.locale.lower())
        try:
            await self._enter(await self._open())
            await self._check_source()
        except Amiss as amiss:
            self.amiss = amiss

    async def open_gifts(self) -> None:
        """Open every link of the gift pack; each must lead to its resource, and count as this member's click."""
        try:
            for gift in await self._gifts() if self.amiss is None else ():
                await self._check_gift(gift)
        except Amiss as amiss:
            self.amiss = amiss

    async def waits(self) -> bool:
        """Whether something of the gift pack has not come yet."""
        return self.amiss is None and not all(gift.addresses for gift in await self._gifts())

    # In.

    async def _open(self) -> str:
        address = f"{self.place.settings.gateway_url}/l/{self.link.token}"
        leads_to, wanted = await self._leads_to(address), f"https://t.me/{self.place.username}?start={self.link.token}"
        if leads_to != wanted:
            raise Amiss(Step.address, f"/l/{self.link.token} leads to {leads_to} instead of {wanted}")
        return leads_to

    async def _enter(self, bot_link: str) -> None:
        await self._follow(bot_link)
        await self._choose_language()
        shown = [url for message in await self._received() for url in seen(message).links]
        doors = [url for url in shown if INVITE.match(url)]
        if not doors:
            raise Amiss(Step.entry, f"Start shows no way into a group ({await self._last_word()}); {MISTAKEN}")
        await self._follow(doors[-1])
        gate = self.place.bundle.playbook.gate
        for question in gate.questions if gate.enabled else ():
            await self._say(question.answers[0])
        if not await self._is_inside():
            word = await self._last_word()
            raise Amiss(Step.entry, f"not let in after the gate's right answers ({word}); {PLANS_ALONE}")

    async def _is_inside(self) -> bool:
        """Whether the bot takes them for admitted, and Telegram shows them a group."""
        member, chats = await self._member(), await self.place.telegram.user_chats(self.telegram_id)
        return bool(member and member["entered_at"]) and any(chat["id"] < 0 for chat in chats)

    async def _choose_language(self) -> None:
        """Only some languages are guessed from Telegram's; who speaks another tells the bot."""
        member = await self._member()
        if member is not None and member["locale"] != self.locale:
            await self._say(self.locale)

    async def _say(self, words: str) -> None:
        await self.place.telegram.say(self.telegram_id, None, words)
        await self.place.clock.settled()

    async def _follow(self, address: str) -> None:
        try:
            await self.place.telegram.follow(self.telegram_id, address)
        except SandboxError as error:
            raise Amiss(Step.entry, f"Telegram refuses {address}: {error}") from None
        await self.place.clock.settled()

    async def _check_source(self) -> None:
        member, wanted = await self._member(), self.link.model_dump(exclude={"token"}, exclude_none=True)
        assert member is not None
        if (member["source"], member["counted_as"]) != (wanted, self.link.utm_source):
            written = member["source"] or f"nothing, and counted as {member['counted_as']}"
            raise Amiss(Step.source, f"written is {written}; {MISTAKEN}")

    # Gifts.

    async def _gifts(self) -> list[Gift]:
        secret = self.place.settings.lasting_secret(LINKS)
        base = re.escape(f"{self.place.settings.gateway_url}/l/")
        sent = json.dumps(await self._received())
        found = [(address, follow(path, secret)) for address, path in re.findall(rf"({base}([\w.-]*\w))", sent)]
        wanted = [resource for resource in self.place.bundle.playbook.resources if resource.on_entry]
        return [Gift(each, [address for address, to in found if to and to.token == each.key]) for each in wanted]

    async def _check_gift(self, gift: Gift) -> None:
        key, url = gift.resource.key, gift.resource.url
        if not gift.addresses:
            raise Amiss(Step.gifts, f"{key} did not come by the end of the first day; {await self._why_not(key)}")
        member = await self._member()
        assert member is not None
        leads_to = await self._leads_to(gift.addresses[0])
        if unquote(leads_to) != unquote(url):
            raise Amiss(Step.gifts, f"the link of {key} leads to {leads_to} instead of {url}; {_kept(leads_to)}")
        values = {"member_id": member["id"], "link": key}
        row = await (await self.place.conn.execute(queries.clicked, values)).fetchone()
        if row is None or row["times"] != 1:
            raise Amiss(Step.gifts, f"the click on {key} is not recorded as this member's; see the gateway's log")

    async def _why_not(self, key: str) -> str:
        """What to do about a resource that was not in any message."""
        stage, member = self.place.bundle.playbook.stage(STAGE), await self._member()
        if not stage.enabled:
            return f"stages.{STAGE} is switched off (enabled: false)"
        values = {"member_id": member and member["id"], "stage": STAGE, "at": await self.place.now()}
        rows = await (await self.place.conn.execute(queries.not_sent, values)).fetchall()
        unsent = "; not sent: " + ", ".join(f"{row['step']} ({row['reason']})" for row in rows) if rows else ""
        file = f"copy/{self.locale}/{STAGE}/{stage.steps[0].name}.html"
        return f"write link('{key}') into {file}, or on_entry: false under the resource{unsent}"

    # Looking.

    async def _leads_to(self, address: str) -> str:
        """Where the address sends a browser; else what came instead."""
        try:
            async with self.http.get(address, headers=BROWSER, allow_redirects=False) as answer:
                return answer.headers.get("Location") or f"HTTP {answer.status}"
        except (aiohttp.ClientError, TimeoutError) as error:
            return f"no answer ({type(error).__name__})"

    async def _received(self) -> list[dict[str, Any]]:
        return await self.place.telegram.received(self.telegram_id)

    async def _last_word(self) -> str:
        received = await self._received()
        said = received[-1].get("text", "") if received else "nothing"
        return f"the bot's last word: “{said}”"

    async def _member(self) -> dict[str, Any] | None:
        return await (await self.place.conn.execute(queries.member, {"telegram_id": self.telegram_id})).fetchone()


def _kept(leads_to: str) -> str:
    """Why a link may not lead to its resource."""
    if leads_to == f"HTTP {HTTPStatus.FORBIDDEN}":
        return "a plan's library keeps it to who holds the plan: on_entry: false, or take it out of the library"
    return "see the url of the resource"
