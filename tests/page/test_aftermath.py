"""After a blast, through the whole chain to the screen: nobody is shown as fired who wasn't in it, or who answers.

A real worker on a real broker, a gateway that follows it, and a browser. Each test has a system of its own.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from stateserver.broker.tansu import Tansu
from tests.gateway.chained import gateway_of
from tests.gateway.serving import Gateway
from tests.page.browser import all_text_stands_out, page_of
from tests.page.equipment import BOOSTER, FIRED, MISSED, READY, Equipment
from tests.stream.chain import Chain
from tests.stream.journals import sealed

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]

UNIT = f"3/{BOOSTER}"
WINDOWS = (1, 2, 3, 4)


class Mine:
    """A chain with a gateway, to which equipment may speak."""

    def __init__(self, chain: Chain, gateway: Gateway) -> None:
        self.chain = chain
        self.gateway = gateway

    async def hear(self, system: str, equipment: Equipment) -> None:
        """What the equipment has said goes into the journal."""
        await self.chain.produce([sealed(record, system) for record in equipment.take()])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mine(tansu: Tansu, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mine]:
    """A worker and a gateway on topics of their own."""
    folder: Path = tmp_path_factory.mktemp("mine")
    chain = Chain(tansu, f"{uuid4().hex[:8]}.", folder)
    with chain.worker() as worker:
        await worker.ready()
        async with gateway_of(chain) as gateway:
            yield Mine(chain, gateway)


class Screen:
    """The page, at one system."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.headline = page.locator(".verdict")
        self.banner = page.locator("#alarm")
        self.lamp = page.locator(".lamp")

    def cell(self, window: int) -> Locator:
        return self.page.locator(f".cell[data-unit='{UNIT}/4/{window}']")

    async def shows(self, outcomes: dict[int, str]) -> None:
        """Each window's outcome; what wasn't in the blast has none."""
        for window, outcome in outcomes.items():
            await expect(self.cell(window)).to_have_attribute("data-outcome", outcome)

    async def has_no_outcome(self, *windows: int) -> None:
        for window in windows:
            plain = self.page.locator(f".cell[data-unit='{UNIT}/4/{window}']:not([data-outcome]):not([data-look])")
            await expect(plain).to_be_visible()

    async def nothing_is_calm(self) -> None:
        """Neither the headline nor the lamp."""
        await expect(self.headline).to_have_attribute("data-tone", "alarm")
        await expect(self.lamp).to_have_attribute("data-tone", "alarm")

    async def colours(self, window: int) -> tuple[str, str]:
        """Edge and ground of a cell."""
        style = "one => [getComputedStyle(one).borderTopColor, getComputedStyle(one).backgroundColor]"
        edge, ground = await self.cell(window).evaluate(style)
        return edge, ground


@asynccontextmanager
async def screen_of(browser: Browser, mine: Mine, system: str) -> AsyncIterator[Screen]:
    """The page at a system that has been heard of."""
    async with page_of(browser, mine.gateway, viewport={"width": 1500, "height": 1000}) as page:
        await page.locator(f"[data-system={system}]").click()
        await expect(page.locator("body[data-outlook=live]")).to_be_attached()
        await expect(page.locator(f"[data-system={system}]")).to_have_attribute("aria-current", "true")
        yield Screen(page)


async def fired_all(mine: Mine, system: str) -> Equipment:
    """A blast in which all fired."""
    equipment = Equipment()
    equipment.charges(WINDOWS)
    equipment.fires()
    equipment.has_fired()
    equipment.reports(dict.fromkeys(WINDOWS, FIRED))
    await mine.hear(system, equipment)
    return equipment


async def test_a_blast_is_awaited_until_its_report_says_what_became_of_each(browser: Browser, mine: Mine) -> None:
    equipment = Equipment()
    equipment.charges(WINDOWS, silent=[4])
    equipment.fires()
    await mine.hear("awaited", equipment)
    async with screen_of(browser, mine, "awaited") as screen:
        await screen.shows({1: "awaited", 2: "awaited", 3: "awaited", 4: "silent_before"})
        await expect(screen.headline).to_contain_text("3 awaited: no answer yet. 1 silent before.")
        equipment.has_fired()
        equipment.reports({1: FIRED, 2: MISSED})
        await mine.hear("awaited", equipment)
        await expect(screen.cell(1)).to_have_attribute("data-answering", "false")
        await screen.shows({1: "awaited", 2: "awaited", 3: "awaited", 4: "silent_before"})
        await expect(screen.lamp).to_have_attribute("data-operation", "firing_complete")
        await expect(screen.lamp).to_have_attribute("data-tone", "open")
        assert "presumed fired" not in await screen.page.locator(f"article[data-unit='{UNIT}'] .tally").inner_text()

        equipment.time_is_over()
        await mine.hear("awaited", equipment)
        await screen.shows({1: "fired", 2: "missed", 3: "unreported", 4: "silent_before"})
        await screen.nothing_is_calm()
        await all_text_stands_out(screen.page)
        await expect(screen.headline).to_contain_text("NOT ALL FIRED")
        await expect(screen.headline).to_contain_text("3 misfires (1 missed, 1 unreported, 1 silent before)")
        await expect(screen.banner).to_be_hidden()
        calm, *alarms = [await screen.colours(window) for window in WINDOWS]
        alarm = await screen.page.evaluate("getComputedStyle(document.querySelector('.caution')).backgroundColor")
        assert [ground for _, ground in alarms] == [alarm] * 3
        assert calm[1] != alarm
        assert calm[0] not in {edge for edge, _ in alarms}
        await expect(screen.page.locator("[data-party=active]")).to_contain_text(
            "missed: 2; unreported, nothing came of it after firing ended: 3; silent before: 4; ▲ not all"
        )


async def test_only_a_blast_in_which_all_fired_is_calm(browser: Browser, mine: Mine) -> None:
    await fired_all(mine, "calm")
    async with screen_of(browser, mine, "calm") as screen:
        await screen.shows(dict.fromkeys(WINDOWS, "fired"))
        await expect(screen.headline).to_contain_text("All presumed fired")
        for part in (screen.headline, screen.lamp):
            await expect(part).to_have_attribute("data-tone", "calm")
        await expect(screen.banner).to_be_hidden()


async def test_new_detonators_in_windows_of_the_blast_are_not_those_that_fired(browser: Browser, mine: Mine) -> None:
    equipment = await fired_all(mine, "recharged")
    async with screen_of(browser, mine, "recharged") as screen:
        await screen.shows(dict.fromkeys(WINDOWS, "fired"))
        equipment.lists({2: 102})
        await mine.hear("recharged", equipment)
        await expect(screen.banner).to_contain_text("Booster 158: window 2 holds a detonator that was not in the blast")
        await screen.shows({1: "fired", 3: "fired", 4: "fired"})
        await screen.has_no_outcome(2)
        await screen.nothing_is_calm()

        equipment.clears()
        equipment.lists({window: 200 + window for window in (1, 2, 3)})
        equipment.reports(dict.fromkeys((1, 2, 3), READY))
        await mine.hear("recharged", equipment)
        await expect(screen.banner).to_contain_text("windows 1-3 hold detonators that were not in the blast")
        await screen.has_no_outcome(1, 2, 3)
        await screen.page.reload()
        await screen.page.locator("[data-system=recharged]").click()
        await expect(screen.banner).to_contain_text("windows 1-3 hold detonators that were not in the blast")
        await screen.has_no_outcome(1, 2, 3)

        equipment.fires()
        await mine.hear("recharged", equipment)
        await screen.shows(dict.fromkeys((1, 2, 3), "awaited"))
        await expect(screen.banner).to_be_hidden()


async def test_one_that_is_listed_during_the_blast_is_not_in_it(browser: Browser, mine: Mine) -> None:
    equipment = Equipment()
    equipment.charges(WINDOWS)
    equipment.fires()
    await mine.hear("listed", equipment)
    async with screen_of(browser, mine, "listed") as screen:
        await screen.shows(dict.fromkeys(WINDOWS, "awaited"))
        equipment.lists({5: 5})
        await mine.hear("listed", equipment)
        await expect(screen.banner).to_contain_text("Booster 158: window 5 holds a detonator that was not in the blast")
        await screen.has_no_outcome(5)
        await screen.cell(5).hover()
        await expect(screen.page.locator(".detail")).to_contain_text(
            "5 — ▲ was not in the latest blast · not heard yet"
        )

        equipment.has_fired()
        equipment.reports(dict.fromkeys(WINDOWS, FIRED))
        await mine.hear("listed", equipment)
        await screen.shows(dict.fromkeys(WINDOWS, "fired"))
        await screen.has_no_outcome(5)
        await screen.nothing_is_calm()
        await expect(screen.banner).to_contain_text("window 5")


async def test_one_that_answers_again_is_live_whatever_was_told_of_it(browser: Browser, mine: Mine) -> None:
    equipment = await fired_all(mine, "answers")
    async with screen_of(browser, mine, "answers") as screen:
        await screen.shows(dict.fromkeys(WINDOWS, "fired"))
        equipment.reports({2: READY, 3: READY})
        await mine.hear("answers", equipment)
        told = "Booster 158: windows 2-3 answer since the blast, though told as presumed fired"
        await expect(screen.banner).to_contain_text(told)
        for window in (2, 3):
            await expect(screen.cell(window)).to_have_attribute("data-answers-since", "true")
            await expect(screen.cell(window)).to_have_attribute("data-look", "alarm")
        await screen.nothing_is_calm()
        await expect(screen.page.locator("[data-system=answers]")).to_contain_text("▲ live since the blast")
        await expect(screen.page).to_have_title("▲ ANSWERS SINCE THE BLAST · answers · State Server")
        await all_text_stands_out(screen.page)
        line = screen.page.locator("#events > [data-kind=answers_after_blast]")
        await expect(line).to_contain_text("ANSWERS AFTER THE BLAST, though told as presumed fired")
        await expect(line).to_have_attribute("data-tone", "alarm")

        await screen.page.reload()
        await screen.page.locator("[data-system=answers]").click()
        await expect(screen.banner).to_contain_text(told)

        equipment.retires(UNIT, int(time.time() * 1000))
        await mine.hear("answers", equipment)
        await expect(screen.banner).to_be_hidden()
        await expect(screen.page.locator(f"[data-unit^='{UNIT}']")).to_have_count(0)


async def test_one_that_was_unreported_or_silent_and_answers_later_is_live(browser: Browser, mine: Mine) -> None:
    equipment = Equipment()
    equipment.charges(WINDOWS, silent=[4])
    equipment.fires()
    equipment.has_fired()
    equipment.time_is_over()
    await mine.hear("later", equipment)
    async with screen_of(browser, mine, "later") as screen:
        await screen.shows({1: "unreported", 2: "unreported", 3: "unreported", 4: "silent_before"})
        await expect(screen.page.locator("[data-caution=silent_before]")).to_contain_text("nobody can say")
        equipment.reports({3: READY, 4: READY})
        await mine.hear("later", equipment)
        await expect(screen.banner).to_contain_text("window 3 answers since the blast, though told as unreported")
        await expect(screen.banner).to_contain_text("window 4 answers since the blast, though told as silent before")
        await expect(screen.page.locator("[data-caution=silent_answer]")).to_contain_text("answers since: live")
        await expect(screen.page.locator("[data-caution=silent_before]")).to_have_count(0)
        for reloaded in (False, True):
            if reloaded:
                await screen.page.reload()
                await screen.page.locator("[data-system=later]").click()
            for window in (3, 4):
                await expect(screen.cell(window)).to_have_attribute("data-said", "answers")
                await expect(screen.banner).to_contain_text(f"window {window} answers since the blast")


async def test_an_aborted_blast_is_headed_so(browser: Browser, mine: Mine) -> None:
    equipment = Equipment()
    equipment.charges(WINDOWS)
    equipment.fires()
    equipment.panel(key=False)
    equipment.time_is_over()
    await mine.hear("aborted", equipment)
    async with screen_of(browser, mine, "aborted") as screen:
        await expect(screen.headline).to_contain_text("ABORTED")
        await expect(screen.headline).to_contain_text("4 misfires (4 unreported)")
        await screen.nothing_is_calm()
        await expect(screen.page.locator("[data-blast] .stage")).to_have_text("▲ ABORTED")
