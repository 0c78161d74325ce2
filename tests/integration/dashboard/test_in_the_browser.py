"""The dashboard in a real browser: at three widths, in Chinese, by keyboard, and for who sees colours differently."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from community.bundle import Bundle
from community.database.pool import Connection, Pool
from tests.integration.dashboard.kit import TOKEN, Desk, fill, opened_desk
from tests.integration.dashboard.test_learning import taught
from tests.integration.dashboard.test_pages import ALL
from tests.integration.insight.report_kit import MONDAY, put
from tests.sandbox.test_page import browser, needs_browser

__all__ = ["browser"]

SIZES = {"phone": (360, 740), "tablet": (768, 1024), "desktop": (1440, 900)}
LEAST_CONTRAST = 4.5
CONTRAST = """() => {
  const parts = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = parts(getComputedStyle(each).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const poor = [];
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const ink = parts(element.closest("svg") ? style.fill : style.color);
    const [a, b] = [light(ink), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push([walk.currentNode.textContent.trim().slice(0, 30), ratio.toFixed(2)]);
  }
  return poor;
}"""


TORN = """() => [...document.querySelectorAll("td abbr")].filter((mark) => {
  const number = mark.previousElementSibling ?? mark.previousSibling, range = document.createRange();
  range.selectNode(number);
  const [a, b] = [range.getBoundingClientRect(), mark.getBoundingClientRect()];
  return b.left - a.right > 12 || Math.abs(b.top - a.top) > 12;
}).map((mark) => mark.parentElement.textContent.trim())"""
"""Marks that are torn from what they mark."""
LOW = """() => [...document.querySelectorAll("nav.pages a, .chips a, .button, select, input:not([type=hidden])")]
  .filter((each) => each.getBoundingClientRect().height < 43)
  .map((each) => each.outerHTML)"""
CUT = """() => [...document.querySelectorAll("tbody td, tbody th")]
  .filter((cell) => cell.checkVisibility() && cell.scrollWidth > cell.clientWidth + 1)
  .map((cell) => cell.textContent.trim())"""


@pytest.fixture
async def desk(pool: Pool, conn: Connection, bundle: Bundle, database_url: str) -> AsyncIterator[Desk]:
    async with opened_desk(pool, conn, database_url) as opened:
        yield opened


@pytest.fixture
async def pages(browser: Browser, desk: Desk) -> AsyncIterator[Any]:
    complaints: list[str] = []

    async def open_(size: str, scheme: Any = "light", locale: str = "zh-CN", scripts: bool = True) -> Page:
        width, height = SIZES[size]
        context = await browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, locale=locale,
            java_script_enabled=scripts, reduced_motion="reduce",
        )  # fmt: skip
        page = await context.new_page()
        page.set_default_timeout(5_000)
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on(
            "request", lambda asked: None if asked.url.startswith((desk.url, "data:")) else complaints.append(asked.url)
        )
        await page.goto(f"{desk.url}/dashboard")
        await page.locator("input[name=token]").fill(TOKEN)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{desk.url}/dashboard")
        return page

    yield open_
    for context in browser.contexts:
        await context.close()
    assert complaints == []


@needs_browser
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("scheme", "locale"), [("light", "zh-CN"), ("dark", "zh-TW")])
async def test_every_page_fits_and_can_be_read(desk: Desk, pages: Any, size: str, scheme: str, locale: str) -> None:
    await fill(desk.conn)
    page = await pages(size, scheme, locale)
    for path in ALL:
        await page.goto(desk.url + path)
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= SIZES[size][0], f"{path}: scrolls sideways"
        assert await page.evaluate(CONTRAST) == [], path
        assert await page.evaluate(LOW) == [], f"{path}: a finger must hit it"
        await expect(page.locator("h1")).to_have_count(1)
        unnamed = await page.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]), select')].filter((e) => !e.labels.length).length"
        )
        assert unnamed == 0


@needs_browser
async def test_what_was_learned_can_be_read(desk: Desk, bundle: Bundle, pages: Any) -> None:
    await taught(desk.conn, bundle, notes=("欢迎语改短，第三天的消息改到晚上八点", "續費提醒提前三天"))
    for size, scheme, most in (("phone", "dark", 3_200), ("tablet", "light", 2_000), ("desktop", "dark", 1_600)):
        page = await pages(size, scheme)
        await page.goto(f"{desk.url}/dashboard/learning")
        await expect(page.get_by_text("b 比 a 好")).to_be_visible()
        await expect(page.get_by_text("續費提醒提前三天")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], "scrolls sideways"
        assert await page.evaluate(CONTRAST) == []
        assert await page.evaluate(CUT) == []
        assert await page.evaluate("document.documentElement.scrollHeight") < most, "no long way to what was learned"


@needs_browser
async def test_a_phone_shows_cohorts_and_marks_beside_their_numbers(desk: Desk, pages: Any) -> None:
    await fill(desk.conn)
    await put(desk.conn, "sla_met", MONDAY, hits=1, base=2, part="refund")
    page = await pages("phone")
    await page.goto(f"{desk.url}/dashboard/cohorts")
    second = await page.locator(".heat tbody tr:first-child td[class^=h]").nth(1).bounding_box()
    assert second is not None
    assert second["x"] + second["width"] < SIZES["phone"][0] - 16, "the weeks' names leave room for numbers"
    await page.goto(f"{desk.url}/dashboard/service")
    assert await page.locator("td abbr").count() > 0
    assert await page.evaluate(TORN) == []


@needs_browser
async def test_the_filters_work_with_scripts_and_without(desk: Desk, pages: Any) -> None:
    await fill(desk.conn)
    page = await pages("phone")
    await page.get_by_label("群组").select_option("2")
    await page.wait_for_url(re.compile("group=2"))
    plain = await pages("phone", scripts=False)
    await plain.get_by_label("来源").select_option("wechat")
    await plain.get_by_role("button", name="查看").click()
    await plain.wait_for_url(re.compile("source=wechat"))
    await plain.get_by_role("link", name="近 4 周").click()
    await plain.wait_for_url(re.compile("preset=4_weeks"))
    assert "source=wechat" in plain.url


@needs_browser
async def test_from_a_tile_to_its_rows_by_keyboard(desk: Desk, pages: Any) -> None:
    await fill(desk.conn)
    page = await pages("desktop")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    await page.locator("article").get_by_role("link", name="新成员", exact=True).focus()
    outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("新成员")
    await expect(page.get_by_role("img", name="新成员")).to_be_visible()
    await page.get_by_text("看表格").click()
    await expect(page.locator("details table tbody tr").first).to_be_visible()
    await page.get_by_role("link", name="查看明细").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#rows tbody tr").first).to_be_visible()
    assert page.url.split("?")[0].endswith("/kpi/new_members"), "the rows came to the page"
    await page.get_by_role("button", name="退出登录").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("登录")
