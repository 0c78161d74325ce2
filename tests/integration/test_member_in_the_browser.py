"""A whole membership as a member lives it, in the sandbox's page: with the real service, and a shop's bot beside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from playwright.async_api import Browser, Page, expect
from telegram import Bot, LabeledPrice

from tests.integration import test_bot_live
from tests.integration.test_bot_live import OWNER, Live
from tests.sandbox import test_page
from tests.sandbox.test_page import Windows, needs_browser

live, telegram, browser = test_bot_live.live, test_bot_live.telegram, test_page.browser  # their fixtures
MIA = 30
SHOP_TOKEN = "5151:shop-token"  # opens nothing but the test's own sandbox


@pytest.fixture
async def shop(live: Live) -> AsyncIterator[Bot]:
    """Another bot in the same Telegram, which says yes to whoever pays."""
    await live.telegram.create_bot(SHOP_TOKEN, "the_shop_bot", "Shop")
    async with Bot(SHOP_TOKEN, base_url=f"{live.telegram.base_url}/bot") as bot:
        till = asyncio.create_task(_sell(bot))
        yield bot
        till.cancel()
        with suppress(asyncio.CancelledError):
            await till


async def _sell(bot: Bot) -> None:
    offset = 0
    while True:
        for update in await bot.get_updates(offset=offset, timeout=2, allowed_updates=[]):
            offset = update.update_id + 1
            if update.message is not None and update.message.text == "/start":
                prices = [LabeledPrice("VIP", 500)]
                await bot.send_invoice(update.message.chat_id, "VIP, a month", "Everything", "vip", "XTR", prices)
            if update.pre_checkout_query is not None:
                await update.pre_checkout_query.answer(ok=True)


@pytest.fixture
async def page(live: Live, browser: Browser) -> AsyncIterator[Page]:
    """Mia's Telegram: she is new, and reads English."""
    await live.telegram.create_user(MIA, "Mia", language_code="en")
    windows = Windows(browser, live.telegram.base_url)
    yield await windows.open(f"#/{MIA}")
    for context in browser.contexts:
        await context.close()
    assert windows.complaints == []


@needs_browser
async def test_from_the_link_to_the_group_and_to_the_till(live: Live, shop: Bot, page: Page) -> None:
    link = await live.door()
    await page.get_by_role("button", name="Mia").click()
    await page.get_by_role("menuitem", name="Join by link").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("textbox").fill(link)
    await page.keyboard.press("Enter")
    await dialog.get_by_role("button", name="Request to join").click()

    await page.get_by_role("option", name="sandbox_bot").click()
    await page.get_by_role("button", name="No", exact=True).click()
    await expect(page.locator(".row").last).to_contain_text("three plus four")
    await page.get_by_label("Message", exact=True).fill("seven")
    await page.keyboard.press("Enter")
    welcome = page.locator(".row", has_text="Mia, welcome to")
    await expect(welcome).to_be_visible()
    await welcome.get_by_role("button", name="Price").click()
    await expect(page.locator(".row").last).to_contain_text("24")

    await page.get_by_role("option", name="Club").click()
    await expect(page.locator(".service", has_text="You joined the group")).to_be_visible()

    await page.get_by_role("option", name="Shop").click()
    await page.get_by_role("button", name="Start", exact=True).click()
    await page.get_by_role("button", name="Pay").click()
    await page.get_by_role("dialog").get_by_role("button", name="Pay 500 Stars").click()
    await expect(page.locator(".service", has_text="You paid 500 Stars")).to_be_visible()

    owner = await Windows(page.context.browser, live.telegram.base_url).open(f"#/{OWNER}/{live.club}")
    await expect(owner.locator(".service", has_text="Mia joined")).to_be_visible()
    await owner.get_by_role("button", name="About Club").click()
    await expect(owner.locator(".members").get_by_text("Mia")).to_be_visible()
