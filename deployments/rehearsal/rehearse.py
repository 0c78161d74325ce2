"""The rehearsal: every stranger comes in, the first day of the welcome passes, every gift is opened."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
from cronsim import CronSim

from community.bundle import Bundle
from community.outreach.plan import plan
from community.outreach.welcome import STAGE
from community.playbook import Link, Playbook
from deployments.rehearsal.installation import Installation, installed
from deployments.rehearsal.stranger import Step, Stranger

FIRST_STRANGER = 600_000_001
COMES_AT = time(12)
AT_ONCE = 10
ANSWER_S = 30.0
FIRST_DAY = 1
"""Day of the welcome stage by whose end the gift pack must be there."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the rehearsal says of one step of a link. `problem` None: it is as it should be.

    `reached` False: an earlier step went wrong, so nobody came as far as this one.
    """

    token: str
    step: Step
    problem: str | None = None
    reached: bool = True


async def rehearse(url: str, bundle: Bundle, folder: Path, links: Sequence[Link], today: datetime) -> list[Finding]:
    """Walk these links, in every language of the community, on the migrated, empty database at `url`.

    `today` is a moment of the day on which the strangers come, at noon in the groups' zone.
    """
    patience = aiohttp.ClientTimeout(ANSWER_S)
    async with installed(url, bundle, folder) as place, aiohttp.ClientSession(timeout=patience) as http:
        came_at = datetime.combine(today, COMES_AT, ZoneInfo(_zone(bundle.playbook)))
        await place.clock.set(came_at)
        await place.found_groups()
        coming = product(links, bundle.playbook.community.locales)
        strangers = [Stranger(place, http, *who, number) for number, who in enumerate(coming, FIRST_STRANGER)]
        await _each(strangers, Stranger.come_in)
        await _pass_first_day(place, strangers, came_at)
        await _each(strangers, Stranger.open_gifts)
    return [finding for link in links for finding in _findings(bundle.playbook, link, strangers)]


async def _each(strangers: Sequence[Stranger], does: Callable[[Stranger], Awaitable[None]]) -> None:
    """All of them, a few at a time: a crowd in one moment is nothing that a link must stand."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(stranger: Stranger) -> None:
        async with room:
            await does(stranger)

    try:
        async with asyncio.TaskGroup() as group:
            for stranger in strangers:
                group.create_task(one(stranger))
    except ExceptionGroup as found:
        raise found.exceptions[0] from None


async def _pass_first_day(place: Installation, strangers: Sequence[Stranger], came_at: datetime) -> None:
    """Let the stage run when its schedule says, and messages leave when they are due, until all have the gift pack, at
    most to the day's end.
    """
    stage = place.bundle.playbook.stage(STAGE)
    ends_at = datetime.combine(came_at.date() + timedelta(days=FIRST_DAY + 1), time(), came_at.tzinfo)
    schedule = CronSim(stage.schedule.cron, came_at.astimezone(ZoneInfo(stage.schedule.zone)))
    run_at, waiting = next(schedule), await _waiting(strangers)
    while stage.enabled and waiting:
        moment = min(run_at, await place.next_due() or run_at, ends_at)
        await place.clock.set(moment)
        if moment == ends_at:
            return
        if moment == run_at:
            await plan(place.conn, place.bundle, STAGE, moment, bot_id=place.settings.bot_id)
            run_at = next(schedule)
        await place.clock.settled()
        waiting = await _waiting(waiting)


async def _waiting(strangers: Sequence[Stranger]) -> list[Stranger]:
    return [stranger for stranger in strangers if await stranger.waits()]


def _zone(playbook: Playbook) -> str:
    return playbook.group_defaults.zone or playbook.community.zone


def _findings(playbook: Playbook, link: Link, strangers: Sequence[Stranger]) -> Iterator[Finding]:
    yield Finding(link.token, Step.utm, _same_utm(playbook, link))
    came = [stranger for stranger in strangers if stranger.link is link]
    order = list(Step)
    for step in order[1:]:
        amiss = {each.locale: each.amiss.what for each in came if each.amiss and each.amiss.step is step}
        reached = any(each.amiss is None or order.index(each.amiss.step) >= order.index(step) for each in came)
        yield Finding(link.token, step, _told(amiss, len(came)), reached)


def _told(amiss: dict[str, str], everybody: int) -> str | None:
    """What went wrong, once if it is the same for everybody, else by language."""
    if len(amiss) == everybody and len(set(amiss.values())) == 1:
        return next(iter(amiss.values()))
    return "; ".join(f"{locale}: {what}" for locale, what in amiss.items()) or None


def _same_utm(playbook: Playbook, link: Link) -> str | None:
    same = [other.token for other in playbook.links if other is not link and _utm(other) == _utm(link)]
    if not same:
        return None
    return f"every utm_* is that of {', '.join(same)}: figures cannot tell them apart; give each its own utm_content"


def _utm(link: Link) -> dict[str, str | None]:
    """The link's UTM, by key."""
    return link.model_dump(include={"utm_source", "utm_medium", "utm_campaign", "utm_content"})
