"""The page in a real browser: what a person sees of the capture's blast, and of trouble."""

import pytest
from playwright.async_api import Browser, expect

from stateserver.gateway.liveness import Condition, PartitionStanding
from tests.gateway.serving import Gateway, make_parts, serving
from tests.gateway.test_system_model import sample_events
from tests.page.browser import all_text_stands_out, lose, page_of
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
        await expect(page.locator(f"{BLAST} [data-count=awaited]")).to_contain_text("no answer yet")
        await expect(page.locator("[data-outcome=awaited]")).to_have_count(99)

        story.to_kind("blast_firing_aborted")
        await expect(lamp).to_have_attribute("data-operation", "firing_aborted")
        await expect(page.locator(BLAST)).to_have_attribute("data-stage", "watched")
        await expect(page.locator("article[data-unit='3/158']")).to_have_attribute("data-contact", "false")

        story.to_end()
        await expect(lamp).to_have_attribute("data-operation", "disarmed")
        await expect(page.locator(BLAST)).to_have_attribute("data-stage", "closed")
        await expect(page.locator(f"{BLAST} [data-how]")).to_have_attribute("data-how", "timer_completed")
        await expect(page.locator(BLAST)).to_have_attribute("data-verdict", "aborted")
        await expect(page.locator(".verdict")).to_contain_text("ABORTED")
        await expect(page.locator(f"{BLAST} [data-count=misfires] dd")).to_have_text("100")
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


async def test_a_system_is_live_where_its_own_partition_is_and_not_where_another_is_not(
    browser: Browser, gateway: Gateway, story: Story
) -> None:
    story.to_end()
    liveness = gateway.parts.liveness
    gateway.parts.reading.systems["site"].partition = 1
    alive, silent = PartitionStanding(Condition.LIVE), PartitionStanding(Condition.WORKER_SILENT, 1563531134999)
    async with page_of(browser, gateway) as page:
        await expect(page.locator(LIVE)).to_be_attached()
        liveness.watch({0: alive, 1: silent}, ())
        gateway.parts.hub.wake_all()
        await expect(page.locator("body[data-outlook=lost]")).to_be_attached()
        await expect(page.locator("#banner")).to_contain_text("Partition 1, since 2019-07-19 10:12:14 UTC")
        liveness.watch({0: silent, 1: alive}, ())
        gateway.parts.hub.wake_all()
        await expect(page.locator(LIVE)).to_be_attached()
        assert not liveness.live


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
        await expect(page.locator("article[data-unit='3/158'] .detail")).to_contain_text("12 — ▲ unreported since")
        await page.keyboard.press("End")
        await expect(grid).to_have_attribute("aria-activedescendant", "cell-3-158-4-100")


async def test_a_token_without_systems_is_told_that_there_is_nothing_to_see(
    browser: Browser, gateway: Gateway, story: Story
) -> None:
    story.to_end()
    tokens = gateway.tokens
    for token, why in (
        (tokens.bound, "“bound” is good for no system but other, of which nothing has been heard"),
        (tokens.packet_server, "“packet-server” (packet-server) may not look at systems"),
    ):
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(f"{gateway.url}/#token={token}")
        await expect(page.locator("#nothing")).to_contain_text("Signed in, but nothing to see")
        await expect(page.locator("#nothing")).to_contain_text(why)
        await expect(page.locator("#instruments")).to_be_hidden()
        await expect(page.locator("#outlook")).not_to_contain_text("Live")
        if token == tokens.bound:
            gateway.tell(event._replace(system="other") for event in sample_events())
            await expect(page.locator(LIVE)).to_be_attached()
            await expect(page.locator("#nothing")).to_be_hidden()
        await context.close()


async def test_a_gateway_that_has_heard_of_no_system_says_so(browser: Browser, gateway: Gateway) -> None:
    async with page_of(browser, gateway) as page:
        await expect(page.locator("#nothing")).to_contain_text("Nothing has been heard of any system yet")


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


async def test_all_text_stands_out_in_dark_and_light(browser: Browser, gateway: Gateway, story: Story) -> None:
    story.to(30)
    async with page_of(browser, gateway) as page:
        await expect(page.locator(LIVE)).to_be_attached()
        for version in (150, 226, 239):
            story.to(version)
            await expect(page.locator("#facts")).to_contain_text(str(version))
            await all_text_stands_out(page)
