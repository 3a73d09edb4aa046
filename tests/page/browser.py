"""Debian's Chromium, headless, and the page in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

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

CONTRAST = """() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, index) => sum + c * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = rgb(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const [one, other] = [light(rgb(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) low.push(`${element.className} ${element.textContent.slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return low;
}"""

SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")


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


async def all_text_stands_out(page: Page) -> None:
    """In dark and in light, each text that is seen has a contrast to what is behind it."""
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        await expect(page.locator("html")).to_have_css("color-scheme", scheme)
        assert await page.evaluate(CONTRAST) == []
