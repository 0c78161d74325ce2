"""The pages of the shop in a real browser, without scripts: nothing is cut off, nothing is refused, buttons work."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from community.bundle import Bundle
from tests.integration.shop_kit import Visitor
from tests.integration.test_shop import coupon, visitor
from tests.sandbox.test_page import browser, needs_browser

__all__ = ["browser", "visitor"]

SIZES = {"phone": (360, 740), "tablet": (768, 1024), "desktop": (1280, 900)}


@pytest.fixture
async def pages(browser: Browser) -> AsyncIterator[Any]:
    complaints: list[str] = []

    async def open_(address: str, size: tuple[int, int], scheme: Any) -> Page:
        context = await browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, java_script_enabled=False
        )
        page = await context.new_page()
        page.set_default_timeout(5_000)
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        await page.goto(address)
        return page

    yield open_
    for context in browser.contexts:
        await context.close()
    assert complaints == []


@needs_browser
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("scheme", "locale"), [("light", "zh-Hans"), ("dark", "en")])
async def test_nothing_is_cut_off(
    visitor: Visitor, bundle: Bundle, pages: Any, size: str, scheme: str, locale: str
) -> None:
    await coupon(visitor, bundle, "SAVE", percent=10)
    page = await pages(f"{visitor.url}/buy/month?lang={locale}&coupon=SAVE", SIZES[size], scheme)
    for element in await page.locator("section, h1, .button, input:not([type=hidden]), footer").all():
        box = await element.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= SIZES[size][0]
    for button in await page.locator(".button").all():
        box = await button.bounding_box()
        assert box is not None
        assert box["height"] >= 44, "a finger must hit it"
    [price] = await page.locator(".price strong").all()
    box = await price.bounding_box()
    assert box is not None
    assert box["height"] < 48, "on one line"


@needs_browser
async def test_a_buyer_orders_without_scripts(visitor: Visitor, pages: Any) -> None:
    page = await pages(f"{visitor.url}/buy/month?lang=en", SIZES["phone"], "light")
    await page.get_by_role("button", name="iMe 199.00 CNY").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Your order is ready, and not paid yet")
    [order] = await visitor.orders()
    await expect(page.get_by_text(f"{order['number'][:4]}-{order['number'][4:]}")).to_be_visible()
    pay = page.get_by_role("link", name="Go on to pay")
    assert f"no={order['number']}&sum=199.00&in=CNY" in (await pay.get_attribute("href") or "")
    await page.get_by_role("link", name="繁體中文").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("訂單已建好，還沒付款")
