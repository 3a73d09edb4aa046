"""A worker from its settings to its end."""

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from uuid import uuid4

from stateserver import __version__
from stateserver.errors import StateServerError
from stateserver.garbage import give_back, keep_for_good
from stateserver.kafka.quiet import quiet_libraries
from stateserver.security.keyring_file import KeyRingFile
from stateserver.settings import Settings, kafka_client_options
from stateserver.stream.app import App, FaustJournal, FaustStores, create_app
from stateserver.stream.health import Health, Verdict, WorkerCondition
from stateserver.stream.health_server import serve_health
from stateserver.stream.kafka_log import KafkaLog
from stateserver.stream.keeper import Care
from stateserver.stream.layout import Layout
from stateserver.stream.metrics import Metrics
from stateserver.stream.partitions_held import check_partitions
from stateserver.stream.ports import Ports
from stateserver.stream.signs import Identity
from stateserver.stream.topics import check_topics, ensure_topics
from stateserver.stream.worker import Worker

logger = logging.getLogger(__name__)

STOP_WITHIN_S = 4.5
REPORT_EVERY_S = 1.0


class WorkerFailed(StateServerError):
    """The worker had to end."""


class WallClock:
    """`Clock` by the machine's own."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def run_worker(settings: Settings, ring: KeyRingFile) -> None:
    """Work until SIGINT or SIGTERM, then stop in time. Raises StateServerError where it had to end before.

    At SIGHUP the key ring is read anew, as it is where its file has changed.
    """
    quiet_libraries()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, ring.reload)
    # Every packet topic with its prefix: the settings hold full names already.
    layout = Layout.with_prefix(settings.topic_prefix, settings.packets_topics)
    options, metrics, health = kafka_client_options(settings), Metrics(), Health()
    if settings.metrics_port is not None:
        serve_health(metrics, health, settings.metrics_port)
    identity = Identity(uuid4().hex[:12], __version__)
    logger.info("worker %s, version %s", *identity)
    async with _beside(ring.watch()), _beside(_report(health, metrics, lambda: Verdict(WorkerCondition.STARTING))):
        partitions = await ensure_topics(options, layout)
        layout = layout._replace(partitions=partitions)
        log = KafkaLog(options, settings.group, layout.state)
        await log.start()
    try:
        await check_topics(options, layout, for_good=log.idempotent)
        await check_partitions(log, layout)
        app = create_app(settings, layout, partitions)
        ports = Ports(log, FaustJournal(app), FaustStores(app), WallClock())
        care = Care(ring.ring, ports, layout, settings.lateness_ms, metrics, identity)
        app.worker = Worker(care, when_ready=_tidy_up)
        async with _beside(ring.watch()), _beside(_report(health, metrics, app.worker.verdict)):
            await _work(app, stop)
    finally:
        await log.stop()


@asynccontextmanager
async def _beside(doing: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Meanwhile."""
    task = asyncio.create_task(doing)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _report(health: Health, metrics: Metrics, verdict: Callable[[], Verdict]) -> None:
    """Say how things are, again and again: that the loop turns is part of it."""
    while True:
        now = verdict()
        metrics.ready = now.ready
        health.report(now)
        await asyncio.sleep(REPORT_EVERY_S)


def _tidy_up() -> None:
    """What was read is here to stay, and what reading it took is not needed any more."""
    keep_for_good()
    give_back()


async def _work(app: App, stop: asyncio.Event) -> None:
    worker = app.worker
    worker.start_giving_signs()
    starting = asyncio.create_task(app.start())
    try:
        await _first_of(starting, stop.wait(), worker.failed())
        if starting.done() and (trouble := starting.exception()) is not None:
            worker.fail(trouble)
        elif starting.done():
            worker.start()
            await _first_of(stop.wait(), worker.failed(), _crashed(app))
    finally:
        starting.cancel()
        began = time.monotonic()
        await _stop(app)
        logger.info("stopped in %.1f s", time.monotonic() - began)
    _raise_trouble(app)


async def _first_of(*ends: Awaitable[object]) -> None:
    tasks = {asyncio.ensure_future(end) for end in ends}
    _, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()


async def _crashed(app: App) -> None:
    """Return when Faust gave up."""
    await app._crashed.wait()  # noqa: SLF001 Faust tells it in no other way


async def _stop(app: App) -> None:
    worker = app.worker
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await worker.stop_loops()
            if not worker.failure.done():
                await worker.commit()
            await app.stop()
            await worker.close()
    except TimeoutError:
        worker.fail(
            WorkerFailed("stopping took too long: the last checkpoint may be missing", "the next start makes up for it")
        )
    except Exception as trouble:  # noqa: BLE001 the first one counts, and it is told at the end
        worker.fail(trouble)


def _raise_trouble(app: App) -> None:
    trouble: BaseException | None = app.crash_reason
    if app.worker.failure.done():
        trouble = app.worker.failure.result()
    if trouble is None:
        return
    if isinstance(trouble, StateServerError):
        raise trouble
    logger.error("the worker failed", exc_info=trouble)
    raise WorkerFailed(
        f"the worker failed: {type(trouble).__name__}: {trouble}", "started again it goes on from its last checkpoint"
    ) from trouble
