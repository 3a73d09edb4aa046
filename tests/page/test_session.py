"""Logging in and out while the gateway can't be asked: said, and neither taken for a refusal nor for a success."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.gateway.serving import Gateway
from tests.page.conftest import Story

pytestmark = pytest.mark.asyncio(loop_scope="session")
LIVE = "body[data-outlook=live]"
AWAY = "The gateway can't be reached now"


async def try_token(page: Page, token: str) -> None:
    await page.locator("#token").fill(token)
    await page.locator("#log-in button").click()


async def test_a_gateway_that_is_away_is_not_a_token_that_is_refused(
    browser: Browser, gateway: Gateway, story: Story
) -> None:
    story.to_end()
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(gateway.url)
    await expect(page.locator("#log-in")).to_be_visible()
    await context.set_offline(True)
    await try_token(page, gateway.tokens.viewer)
    await expect(page.locator("#log-in-why")).to_contain_text(AWAY)
    await expect(page.locator("#token")).to_have_value(gateway.tokens.viewer)
    await context.set_offline(False)
    await page.locator("#log-in button").click()
    await expect(page.locator(LIVE)).to_be_attached()
    await context.close()


@pytest.mark.parametrize(
    ("status", "said", "kept"),
    [(401, "not good here", False), (429, "Wait a minute", True), (502, AWAY, True), (503, AWAY, True)],
)
async def test_what_is_said_of_each_answer(
    browser: Browser, gateway: Gateway, status: int, said: str, kept: bool
) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(gateway.url)
    await expect(page.locator("#log-in")).to_be_visible()
    await page.route("**/api/v1/session", lambda route: route.fulfill(status=status))
    await try_token(page, "stsv_mine")
    await expect(page.locator("#log-in-why")).to_contain_text(said)
    await expect(page.locator("#token")).to_have_value("stsv_mine" if kept else "")
    await context.close()


async def test_who_could_not_log_out_is_told_so(browser: Browser, gateway: Gateway, story: Story) -> None:
    story.to_end()
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{gateway.url}/#token={gateway.tokens.viewer}")
    await expect(page.locator(LIVE)).to_be_attached()
    await context.set_offline(True)
    await page.locator("#log-out").click()
    await expect(page.locator("#log-out")).to_contain_text("Still logged in")
    await context.set_offline(False)
    await page.locator("#log-out").click()
    await expect(page.locator("#log-in")).to_be_visible()
    await context.close()
