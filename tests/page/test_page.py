"""The page in a real browser: what a person sees of the capture's blast, and of trouble."""

from typing import Literal

import pytest
from playwright.async_api import Browser, expect

from stateserver.gateway.liveness import Condition
from tests.gateway.serving import Gateway, make_parts, serving
from tests.gateway.test_system_model import sample_events
from tests.page.browser import lose, page_of
from tests.page.conftest import Story

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the browser's

LIVE = "body[data-outlook=live]"
BLAST = "[data-blast='0cd3eb41-43ff-5a6a-b289-8532977676c8']"


async def test_a_person_sees_the_blast_happen_without_a_reload(
    browser: Browser, gateway: Gateway, story: Story
) -> None:
    story.to(60)
    units = gateway.parts.reading.systems["site"].units
    detonators = sum(path.startswith("3/158/4/") for path in units)
    async with page_of(browser, gateway) as page:
        await expect(page.locator(LIVE)).to_be_attached()
        await expect(page.locator("[data-unit='3/158'] [data-standing=unheard]")).to_have_count(detonators)
        await page.evaluate("window.notReloaded = true")
        lamp = page.locator("[data-operation]")

        story.to_kind("operation_changed")
        await expect(lamp).to_have_attribute("data-operation", "armed")
        await expect(page.locator("[data-unit='3/158/4/1']")).to_have_attribute("data-answering", "true")
        await expect(page.locator("[data-unit='3/158/4/37']")).to_have_attribute("data-answering", "false")
        await expect(page.locator("[data-answering=true]")).to_have_count(99)
        assert await page.locator("article[data-unit]").evaluate_all(
            "cards => cards.map(card => card.dataset.unit)"
        ) == ["3/158", "3/115"]

        story.to_blast()
        await expect(lamp).to_have_attribute("data-operation", "firing")
        await expect(page.locator(BLAST)).to_have_attribute("data-stage", "firing")
        await expect(page.locator(f"{BLAST} [data-count=fired]")).to_contain_text("not known yet")

        story.to_kind("blast_firing_aborted")
        await expect(lamp).to_have_attribute("data-operation", "firing_aborted")
        await expect(page.locator(BLAST)).to_have_attribute("data-stage", "watched")
        await expect(page.locator("article[data-unit='3/158']")).to_have_attribute("data-contact", "false")

        story.to_end()
        await expect(lamp).to_have_attribute("data-operation", "disarmed")
        await expect(page.locator(BLAST)).to_have_attribute("data-stage", "closed")
        await expect(page.locator(f"{BLAST} [data-how]")).to_have_attribute("data-how", "timer_completed")
        await expect(page.locator(f"{BLAST} [data-count=unreported] dd")).to_have_text("99")
        await expect(page.locator(f"{BLAST} [data-count=fired]")).to_contain_text("presumed fired")
        await expect(page.locator(f"{BLAST} [data-caution=unreported]")).to_contain_text(
            "nobody may take these for fired"
        )
        await expect(page.locator("[data-unit='3/158/4/37']")).to_have_attribute("data-outcome", "silent_before")
        await expect(page.locator("[data-outcome=unreported]")).to_have_count(99)
        await expect(page.locator("article[data-unit='3/158'] .tally")).to_contain_text("U 99 unreported")
        await expect(page.locator("#events > [data-kind=blast_closed]")).to_have_attribute("data-event-version", "239")
        assert await page.evaluate("window.notReloaded") is True


async def test_the_token_leaves_the_address_and_the_cookie_is_out_of_reach(
    browser: Browser, gateway: Gateway, story: Story
) -> None:
    story.to_end()
    async with page_of(browser, gateway) as page:
        await expect(page.locator(LIVE)).to_be_attached()
        assert page.url == f"{gateway.url}/"
        assert gateway.tokens.viewer not in await page.content()
        assert await page.evaluate("document.cookie") == ""
        stored = "JSON.stringify([{...localStorage}, {...sessionStorage}, history.state])"
        assert gateway.tokens.viewer not in await page.evaluate(stored)
        await page.reload()
        await expect(page.locator(LIVE)).to_be_attached()


async def test_a_lost_connection_cannot_be_overlooked_and_is_mended_without_a_reload(
    browser: Browser, gateway: Gateway, story: Story
) -> None:
    story.to_blast()
    async with page_of(browser, gateway, offline=True) as page:
        await expect(page.locator(LIVE)).to_be_attached()
        await lose(page)
        await expect(page.locator("#banner")).to_contain_text("NOT LIVE")
        await expect(page).to_have_title("NOT LIVE · site · State Server")
        story.to_end()
        await page.context.set_offline(False)
        await expect(page.locator(LIVE)).to_be_attached()
        await expect(page.locator("[data-operation]")).to_have_attribute("data-operation", "disarmed")
        await expect(page.locator(BLAST)).to_have_attribute("data-stage", "closed")
        await expect(page.locator("#banner")).to_be_hidden()


async def test_a_gateway_that_cannot_see_the_present_says_so(browser: Browser, gateway: Gateway, story: Story) -> None:
    story.to_end()
    async with page_of(browser, gateway) as page:
        await expect(page.locator(LIVE)).to_be_attached()
        gateway.parts.liveness.enter(Condition.BROKER_LOST)
        gateway.parts.hub.wake_all()
        await expect(page.locator("body[data-outlook=lost]")).to_be_attached()
        await expect(page.locator("#banner")).to_contain_text("lost the broker")
        gateway.parts.liveness.enter(Condition.LIVE)
        gateway.parts.hub.wake_all()
        await expect(page.locator(LIVE)).to_be_attached()


async def test_a_system_with_missing_events_is_not_shown_as_if_it_were_whole(
    browser: Browser, gateway: Gateway
) -> None:
    first, _, third = sample_events()
    gateway.tell([first])
    async with page_of(browser, gateway) as page:
        await expect(page.locator(LIVE)).to_be_attached()
        gateway.tell([third])
        await expect(page.locator("body[data-outlook=doubtful]")).to_be_attached()
        await expect(page.locator("#banner")).to_contain_text("Do not rely on what you see")


async def test_text_from_a_mine_is_text(browser: Browser, gateway: Gateway) -> None:
    added, changed, _ = sample_events()
    name = "<img src=x onerror=alert(1)>"
    label = changed._replace(kind="unit_labelled", after={"label": "<b>bold</b>"})
    gateway.tell(event._replace(system=name) for event in (added, label))
    async with page_of(browser, gateway) as page:
        await expect(page.locator("[data-system] .name")).to_have_text(name)
        await expect(page.locator("article h3")).to_contain_text("<b>bold</b>")
        assert await page.locator("article h3 b, [data-system] img").count() == 0


async def test_one_of_several_systems_is_chosen(browser: Browser, gateway: Gateway) -> None:
    for name in ("north", "south"):
        gateway.tell(event._replace(system=name) for event in sample_events())
    added = sample_events()[0]
    gateway.tell([added._replace(system="south", version=4, unit="3/2", after={"type": 3, "serial": 2})])
    async with page_of(browser, gateway) as page:
        await expect(page.locator("[data-system=north]")).to_have_attribute("aria-current", "true")
        await page.locator("[data-system=south]").click()
        await expect(page.locator("article[data-unit='3/2']")).to_be_visible()
        await expect(page.locator("[data-system=south]")).to_have_attribute("aria-current", "true")
        await expect(page.locator(LIVE)).to_be_attached()


async def test_detonators_are_reached_by_keys(browser: Browser, gateway: Gateway, story: Story) -> None:
    story.to_end()
    async with page_of(browser, gateway, viewport={"width": 1600, "height": 1000}) as page:
        grid = page.locator("article[data-unit='3/158'] [role=listbox]")
        await grid.focus()
        for key in ("Home", "ArrowRight", "ArrowDown"):
            await page.keyboard.press(key)
        await expect(page.locator("[data-unit='3/158/4/12']")).to_have_attribute("aria-selected", "true")
        await expect(page.locator("article[data-unit='3/158'] .detail")).to_contain_text("12 — programmed")
        await page.keyboard.press("End")
        await expect(grid).to_have_attribute("aria-activedescendant", "cell-3-158-4-100")


async def test_without_a_good_token_there_is_a_log_in_and_nothing_else(
    browser: Browser, gateway: Gateway, story: Story
) -> None:
    story.to_end()
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{gateway.url}/#token=wrong")
    await expect(page.locator("#log-in")).to_be_visible()
    await expect(page.locator("#instruments")).to_be_hidden()
    await expect(page.locator("#log-in-why")).to_contain_text("not good here")
    assert page.url == f"{gateway.url}/"
    await page.locator("#token").fill(gateway.tokens.viewer)
    await page.locator("#log-in button").click()
    await expect(page.locator(LIVE)).to_be_attached()
    await page.locator("#log-out").click()
    await expect(page.locator("#log-in")).to_be_visible()
    await context.close()


async def test_a_gateway_that_starts_again_with_other_secrets_asks_to_log_in(
    browser: Browser, gateway: Gateway, story: Story
) -> None:
    story.to_end()
    context = await browser.new_context()
    page = await context.new_page()
    async with serving(make_parts(gateway.tokens), gateway.tokens) as other:
        other.tell(sample_events())
        await page.goto(f"{other.url}/#token={gateway.tokens.viewer}")
        await expect(page.locator(LIVE)).to_be_attached()
        other.parts.doorkeeper._sessions = gateway.parts.doorkeeper._sessions
        await lose(page)
        await page.context.set_offline(False)
        await expect(page.locator("#log-in")).to_be_visible()
        await context.close()


async def test_it_fits_a_phone_and_a_wall(browser: Browser, gateway: Gateway, story: Story) -> None:
    story.to_end()
    for width, height in ((360, 740), (1024, 768), (2560, 1440)):
        async with page_of(browser, gateway, viewport={"width": width, "height": height}) as page:
            await expect(page.locator("[data-unit='3/158/4/100']")).to_be_attached()
            assert await page.evaluate("document.documentElement.scrollWidth") <= width


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


async def test_all_text_stands_out_in_dark_and_light(browser: Browser, gateway: Gateway, story: Story) -> None:
    story.to(30)
    async with page_of(browser, gateway) as page:
        await expect(page.locator(LIVE)).to_be_attached()
        for version in (150, 226, 239):
            story.to(version)
            await expect(page.locator("#facts")).to_contain_text(str(version))
            for scheme in SCHEMES:
                await page.emulate_media(color_scheme=scheme)
                await expect(page.locator("html")).to_have_css("color-scheme", scheme)
                assert await page.evaluate(CONTRAST) == []
