"""The page of a whole chain whose worker dies while the equipment is silent: the past is not shown as the present."""

from pathlib import Path
from uuid import uuid4

import pytest
from playwright.async_api import Browser, expect

from stateserver.broker.kafka import Kafka
from tests.gateway.chained import at_version, gateway_of
from tests.page.browser import page_of
from tests.stream.chain import Chain
from tests.stream.journals import CAPTURE, example_records, sealed

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]  # the browser's

FIRING = [sealed(record) for record in example_records(CAPTURE) if record.created_at <= 1563531153581]


async def test_the_page_says_that_no_worker_is_there_and_is_live_again_with_the_next_one(
    browser: Browser, kafka: Kafka, tmp_path: Path
) -> None:
    chain = Chain(kafka, f"{uuid4().hex[:8]}.", tmp_path)
    with chain.worker() as worker:
        await worker.ready()
        async with gateway_of(chain) as gateway:
            await chain.produce(FIRING)
            await at_version(gateway, 1)
            async with page_of(browser, gateway) as page:
                await expect(page.locator("body[data-outlook=live]")).to_be_attached()
                worker.kill()
                await expect(page.locator("body[data-outlook=lost]")).to_be_attached()
                banner = page.locator("#banner")
                await expect(banner).to_contain_text("NOT LIVE since")
                await expect(banner).to_contain_text("No worker gives a sign of life")
                await expect(banner).to_contain_text("Partitions 0, 1, 2, 3, since 20")
                await expect(page).to_have_title("NOT LIVE · ▲ FIRING ABORTED · site · State Server")
                with chain.worker("another"):
                    await expect(page.locator("body[data-outlook=live]")).to_be_attached()
                    await expect(banner).to_be_hidden()
