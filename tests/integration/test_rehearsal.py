"""The rehearsal of entry links: what is right passes, and what is wrong is named at its step, in its language."""

from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import aiohttp
import psycopg

from community.bundle import Bundle
from deployments.rehearsal.installation import installed
from deployments.rehearsal.rehearse import Finding, rehearse
from deployments.rehearsal.stranger import Step, Stranger
from tests.integration.conftest import NOON
from tests.shipped import TEMPLATES

TODAY = datetime(2026, 3, 4, tzinfo=UTC)
PACK = "{% for resource in resources %}{{ link(resource.key) }} {% endfor %}"

BROKEN = {
    "gone": (Step.address, "/l/gone leads to HTTP 404 instead of https://t.me/sandbox_bot?start=gone"),
    "other": (Step.source, "written is {'utm_medium': 'social', 'utm_source': 'other'}"),
    "right": (
        Step.gifts,
        "the link of trade_figures leads to https://else.test/ instead of https://comtradeplus.un.org/",
    ),
}


def of(bundle: Bundle, *, locales: Sequence[str] = ("zh-Hans",), welcome: str | None = None, **changes: Any) -> Bundle:
    """The bundle in these languages, with these parts of the playbook; `welcome`: the words, in the last of them."""
    source = deepcopy(dict(bundle.source)) | changes
    source["community"]["locales"] = list(locales)
    copy = {locale: dict(bundle.copy.get(locale, bundle.copy["en"])) for locale in locales}
    if welcome is not None:
        copy[locales[-1]]["welcome_drip/welcome"] = welcome
    return Bundle(source, copy)


def link(token: str, **more: str) -> dict[str, str]:
    return {"token": token, "utm_source": token, "utm_medium": "social", "utm_campaign": "opening", **more}


async def findings(url: str, bundle: Bundle) -> list[Finding]:
    return await rehearse(url, bundle, TEMPLATES, bundle.playbook.links, TODAY)


async def problems(url: str, bundle: Bundle) -> dict[tuple[str, Step], str]:
    """What is wrong, by token and step."""
    return {(each.token, each.step): each.problem for each in await findings(url, bundle) if each.problem}


async def test_every_step_of_a_link_that_is_right(database_url: str, shipped: Bundle) -> None:
    bundle = of(shipped, locales=["zh-Hans", "en"], links=[link("bio", utm_content="a", partner="p")])
    assert await findings(database_url, bundle) == [Finding("bio", step) for step in Step]
    with psycopg.connect(database_url) as conn:
        members = conn.execute("SELECT locale, link_token FROM members WHERE telegram_id > 600000000 ORDER BY 1")
        assert members.fetchall() == [("en", "bio"), ("zh-Hans", "bio")]
        clicks = conn.execute(
            "SELECT member_id IS NULL, count(*) FROM events WHERE kind = 'click' GROUP BY 1 ORDER BY 1"
        )
        assert clicks.fetchall() == [(False, 6), (True, 2)]


async def test_what_is_wrong_is_named_at_its_step(database_url: str, shipped: Bundle) -> None:
    plans = deepcopy(shipped.source["plans"])
    plans["pack"]["chats"] = ["VIP"]
    same = {"utm_source": "notes", "utm_content": "post"}
    links = [link("one", **same), link("two", **same), link("setup_1"), link("inner", group="VIP")]
    found = await problems(database_url, of(shipped, links=links, plans=plans))
    assert found.pop(("one", Step.utm)).startswith("every utm_* is that of two: figures cannot tell them apart")
    assert "that of one" in found.pop(("two", Step.utm))
    assert "rename it" in found.pop(("setup_1", Step.entry))
    assert "a group that plans open lets in their holders alone" in found.pop(("inner", Step.entry))
    assert found == {}


async def test_steps_after_the_one_that_failed_are_not_reached(database_url: str, shipped: Bundle) -> None:
    bundle = of(shipped, links=[link("setup_1")])
    reached = {each.step: each.reached for each in await findings(database_url, bundle)}
    assert reached == {step: step not in (Step.source, Step.gifts) for step in Step}


async def test_what_is_broken_behind_the_playbook_is_found(database_url: str, shipped: Bundle) -> None:
    """The table of links says otherwise: a link is gone, one has another source, a resource another address."""
    bundle = of(shipped, links=[link("gone"), link("other"), link("right")])
    async with installed(database_url, bundle, TEMPLATES) as place, aiohttp.ClientSession() as http:
        await place.clock.set(NOON)
        await place.found_groups()
        await place.conn.execute("DELETE FROM links WHERE token = 'gone'")
        await place.conn.execute("UPDATE links SET source = source - 'utm_campaign' WHERE token = 'other'")
        await place.conn.execute("UPDATE links SET url = 'https://else.test/' WHERE token = 'trade_figures'")
        for number, each in enumerate(bundle.playbook.links, 1):
            stranger = Stranger(place, http, each, "zh-Hans", number)
            await stranger.come_in()
            await stranger.open_gifts()
            assert stranger.amiss is not None
            assert (stranger.amiss.step, stranger.amiss.what.partition(";")[0]) == BROKEN[each.token]


async def test_a_pack_that_one_languages_welcome_leaves_out(database_url: str, shipped: Bundle) -> None:
    """Also of a language that is guessed of nobody: who speaks it tells the bot."""
    bundle = of(shipped, locales=["zh-Hans", "ru"], welcome="Hello", links=[link("bio")])
    assert await problems(database_url, bundle) == {
        ("bio", Step.gifts): "ru: tariff_lookup did not come by the end of the first day; write link('tariff_lookup') "
        "into copy/ru/welcome_drip/welcome.html, or on_entry: false under the resource"
    }


async def test_a_pack_that_comes_in_the_morning_is_waited_for(database_url: str, shipped: Bundle) -> None:
    bundle = of(shipped, welcome="Hello", links=[link("bio")], holdout={"global": "100%", "salt": "x"})
    bundle = Bundle(bundle.source, {"zh-Hans": {**bundle.copy["zh-Hans"], "welcome_drip/day_1": PACK}})
    assert await problems(database_url, bundle) == {}


async def test_a_pack_that_waits_for_the_second_day_is_too_late(database_url: str, shipped: Bundle) -> None:
    bundle = of(shipped, welcome="Hello", links=[link("bio")])
    bundle = Bundle(bundle.source, {"zh-Hans": {**bundle.copy["zh-Hans"], "welcome_drip/day_2": PACK}})
    assert "did not come by the end of the first day" in (await problems(database_url, bundle))["bio", Step.gifts]


def in_the_morning(shipped: Bundle, *, cron: str, at: str, **changes: Any) -> Bundle:
    """The pack comes on the first day, at that time, of a stage that runs by that schedule."""
    stages = deepcopy(shipped.source["stages"])
    stages["welcome_drip"]["schedule"]["cron"] = cron
    stages["welcome_drip"]["steps"][1] |= {"at": at, "expires_after": "20h"}
    bundle = of(shipped, welcome="Hello", links=[link("bio")], stages=stages, **changes)
    return Bundle(bundle.source, {"zh-Hans": {**bundle.copy["zh-Hans"], "welcome_drip/day_1": PACK}})


async def test_a_run_that_comes_too_early_for_its_step_brings_nothing(database_url: str, shipped: Bundle) -> None:
    """The next one is a day later, when the step is stale."""
    bundle = in_the_morning(shipped, cron="30 9 * * *", at="10:00", quiet_hours=None)
    assert "did not come by the end of the first day" in (await problems(database_url, bundle))["bio", Step.gifts]


async def test_what_quiet_hours_put_off_leaves_after_them(database_url: str, shipped: Bundle) -> None:
    assert await problems(database_url, in_the_morning(shipped, cron="0 8 * * *", at="08:00")) == {}


async def test_addresses_as_people_write_them(database_url: str, shipped: Bundle) -> None:
    """With a full stop behind; with signs that a browser escapes. And a club whose plan opens the group of its name."""
    resources = [{"key": "x", "title": {"zh-Hans": "X"}, "url": "https://else.test/?utm_campaign=a|b"}]
    plans = deepcopy(shipped.source["plans"])
    plans["month"] |= {"chats": [shipped.playbook.community.name], "library": []}
    words = "{% for resource in resources %}{{ link(resource.key) }}.{% endfor %}"
    bundle = of(shipped, welcome=words, links=[link("bio")], resources=resources, plans=plans)
    assert await problems(database_url, bundle) == {}


async def test_a_stage_that_is_switched_off(database_url: str, shipped: Bundle) -> None:
    stages = deepcopy(shipped.source["stages"])
    stages["welcome_drip"]["enabled"] = False
    found = await problems(database_url, of(shipped, links=[link("bio")], stages=stages))
    assert found["bio", Step.gifts].endswith("stages.welcome_drip is switched off (enabled: false)")


async def test_a_gift_that_a_plan_keeps_and_no_questions(database_url: str, shipped: Bundle) -> None:
    plans = deepcopy(shipped.source["plans"])
    plans["month"]["library"] = ["tariff_lookup"]
    gate = {**shipped.source["gate"], "enabled": False}
    found = await problems(database_url, of(shipped, links=[link("bio")], plans=plans, gate=gate))
    assert "tariff_lookup leads to HTTP 403" in found["bio", Step.gifts]
    assert "take it out of the library" in found["bio", Step.gifts]
    assert len(found) == 1
