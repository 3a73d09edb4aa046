"""Debian's Chromium, headless, and the page in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright, expect

from tests.gateway.serving import Gateway

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
LIMIT_MS = 90_000  # patience, not a verdict: on a busy machine the page has been seen to take more than 20 s to load
expect.set_options(timeout=LIMIT_MS)

# The clock jumps again and again until the page has noticed: a single jump would be forgotten with the next message,
# as the browser leaves sockets that are open alone when it goes offline.
SILENCE = """async () => {
  const now = performance.now.bind(performance);
  let ahead = 0;
  performance.now = () => now() + ahead;
  while (document.body.dataset.outlook !== "lost") {
    ahead += 60_000;
    await new Promise(requestAnimationFrame);
  }
}"""


@asynccontextmanager
async def chromium_started(program: Path) -> AsyncIterator[Browser]:
    """A browser with no past."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def page_of(browser: Browser, gateway: Gateway, *, offline: bool = False, **context: Any) -> AsyncIterator[Page]:
    """The page of a gateway, logged in by the address, in a context of its own. Errors of its scripts fail it.

    `offline`: it will be cut off, so the browser will complain of the network, and may.
    """
    errors: list[str] = []
    opened = await browser.new_context(**context)
    opened.set_default_timeout(LIMIT_MS)
    page = await opened.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    try:
        await page.goto(f"{gateway.url}/#token={gateway.tokens.viewer}")
        yield page
    finally:
        await opened.close()
    told = [error for error in errors if not (offline and "net::ERR" in error)]
    assert not told, told


async def lose(page: Page) -> None:
    """The network is gone, and the page has heard nothing for so long that it says so."""
    await page.context.set_offline(True)
    await page.evaluate(SILENCE)
    await expect(page.locator("body[data-outlook=lost]")).to_be_attached()
