"""`stateserver simulate`: plays captures or whole sites as Packet Servers, into Kafka or to a file."""

import asyncio
import contextlib
import functools
import heapq
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import click
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from stateserver.codec.packet import Kind
from stateserver.commands.system_names import require_system
from stateserver.errors import StateServerError
from stateserver.protocol.modes import Mode
from stateserver.security.keyring import KeyRing
from stateserver.settings import SettingError, Settings, kafka_client_options, load_settings, variable
from stateserver.simulator.capture import Played, read_capture, require_past, schedule
from stateserver.simulator.line import carry
from stateserver.simulator.packet_server import PacketServer
from stateserver.simulator.site import Site, SiteOptions

FRAMES_OF_A_FILE = 10_000
HEAD_START_MS = 86_400_000
"""How far back sites begin that live faster than the clock: for a day of theirs nothing holds them up."""
FLUSH_LIMIT_S = 10.0


class SimulatorTrouble(StateServerError):
    """The simulator can't do what it was asked."""


class Wanted(NamedTuple):
    """What was asked for, beside where it goes."""

    mode: Mode
    system: str
    systems: int
    boosters: int
    detonators: int
    round_s: float
    blast_every: int
    faults: float
    trouble: float
    speed: float
    seed: int
    start: int | None

    @property
    def names(self) -> list[str]:
        """The systems' ids."""
        return [self.system] if self.systems == 1 else [f"{self.system}-{number + 1}" for number in range(self.systems)]


option = functools.partial(click.option, show_default=True)


@click.command()
@option("--mode", type=click.Choice(list(Mode)), default=Mode.AXXIS100, help="The systems' mode.")
@click.option("--capture", help="Play this capture instead of made-up sites.")
@option("--system", type=click.STRING, default="site", help="The system's id; several are numbered: site-1, site-2.")
@option("--systems", type=click.IntRange(1, 10_000), default=1, help="How many systems.")
@option("--boosters", type=click.IntRange(0, 500), default=4, help="Boosters (or section controllers) a system.")
@option("--detonators", type=click.IntRange(0, 500), default=20, help="Detonators a booster, up to the mode's limit.")
@option("--round", "round_s", type=click.FloatRange(0.001), default=10.0, help="Seconds from one report to the next.")
@option("--blast-every", type=click.IntRange(0), default=12, help="Rounds from one blast to the next; 0 is never.")
@option("--faults", type=click.FloatRange(0, 1), default=0.02, help="Chance of a fault, a booster and round.")
@option("--trouble", type=click.FloatRange(0, 1), default=0.0, help="Chance that a frame is lost, repeated or broken.")
@option("--speed", type=click.FloatRange(0.001), default=1.0, help="Times as fast as it would be.")
@option("--seed", type=click.INT, default=1, help="The same seed plays the same.")
@click.option(
    "--start",
    type=click.IntRange(0),
    help="The first frame's time, ms since 1970; default: now, with a --speed above 1 a day ago, and to a file such"
    " that its last frame is of now.",
)
@click.option("--frames", type=click.IntRange(1), help="Stop after so many; default: 10,000 to a file, else never.")
@click.option("--out", help="Write a journal file instead (`-` is standard output), of one system.")
def command(capture: str | None, out: str | None, frames: int | None, **wanted: Any) -> None:
    """Play sites, or a capture, as Packet Servers would: frames sealed and put on the packets topic.

    The key ring must name a current key for FRAME. With --out nothing is sealed, and no broker is needed.

    No frame is sent before its own time, whatever the speed: playing that has caught up with the clock goes on at the
    clock's speed. Ctrl-C ends it, once what was handed over is safe. Exit status 0 then, 2 where it could not begin or
    the broker failed.
    """
    asked = Wanted(**wanted)
    require_system(*asked.names)
    if out is not None:
        _play_to_file(capture, asked, frames, out)
        return
    settings = load_settings(os.environ)
    if settings.keyring is None:
        raise SettingError(variable("keyring"), "is needed to seal frames", "stateserver keys new")
    ring = KeyRing.load(settings.keyring.get_secret_value())
    if not ring.has_current(Kind.FRAME):
        raise SimulatorTrouble("the key ring names no current key for FRAME", "Make one: stateserver keys new")
    played = _play_capture(capture, asked) if capture else _play_sites(asked, _start_ms(asked))
    asyncio.run(_send(settings, ring, islice(played, frames)))


def _play_to_file(capture: str | None, asked: Wanted, frames: int | None, out: str) -> None:
    if asked.systems != 1:
        raise SimulatorTrouble("a journal file holds one system", "Leave out --systems.")
    if capture:
        _write(islice(_play_capture(capture, asked), frames), out)
        return
    count = frames or FRAMES_OF_A_FILE
    start_ms = asked.start
    if start_ms is None:
        # What a site says does not depend on when it says it.
        for one in islice(_play_sites(asked, 0), count):
            start_ms = _now_ms() - one.record.created_at
    assert start_ms is not None
    _write(islice(_play_sites(asked, start_ms), count), out)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _start_ms(asked: Wanted) -> int:
    """The time of a site's first frame where it is sent: such that nothing need run ahead of the clock."""
    now_ms = _now_ms()
    start_ms = asked.start
    if start_ms is None:
        start_ms = now_ms - (HEAD_START_MS if asked.speed > 1 else 0)
    if start_ms > now_ms:
        raise SimulatorTrouble(f"--start {start_ms} lies in the future", f"Now is {now_ms}; leave --start out for now.")
    if asked.speed > 1:
        since = datetime.fromtimestamp(start_ms / 1000, UTC).isoformat(timespec="seconds")
        click.echo(
            f"Playing what happens since {since}, {asked.speed:g} times as fast; once it has caught up with the clock,"
            " at the clock's speed.",
            err=True,
        )
    return start_ms


def _play_capture(capture: str, asked: Wanted) -> Iterator[Played]:
    frames = read_capture(capture, Mode(asked.mode))
    require_past(capture, frames, _now_ms())
    return schedule(frames, asked.system, asked.speed)


def _play_sites(asked: Wanted, start_ms: int) -> Iterator[Played]:
    sites = (_play_site(number, asked, start_ms) for number in range(asked.systems))
    return heapq.merge(*sites, key=lambda played: played.after_s)


def _play_site(number: int, asked: Wanted, start_ms: int) -> Iterator[Played]:
    mode = Mode(asked.mode)
    options = SiteOptions(
        mode, asked.boosters, asked.detonators, round(asked.round_s * 1000), asked.blast_every, asked.faults
    )
    seed = asked.seed * 10_000 + number
    records = carry(Site(options, seed, start_ms).talk(), mode, asked.trouble, seed)
    return schedule(records, asked.names[number], asked.speed)


def _write(played: Iterator[Played], out: str) -> None:
    count = 0
    try:
        with contextlib.ExitStack() as stack:
            file = sys.stdout if out == "-" else stack.enter_context(Path(out).open("w", encoding="utf-8"))
            for one in played:
                record = one.record
                line = {"created_at": record.created_at, "packet": record.frame.hex(), "source": record.source}
                file.write(json.dumps({**line, "sequence": record.sequence, "mode": record.mode}) + "\n")
                count += 1
    except KeyboardInterrupt:
        pass  # what it has is whole lines, and they are counted
    except BrokenPipeError:
        raise  # whoever reads has enough: no trouble, and the command line knows it
    except OSError as error:
        raise SimulatorTrouble(f"{out}: {error.strerror}", "Give --out a file to write.") from error
    if out != "-":
        click.echo(f"Wrote {count} frames.")


async def _send(settings: Settings, ring: KeyRing, played: Iterator[Played]) -> None:
    """Play until the end, SIGINT or SIGTERM; then say how many frames the broker has taken."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # we say it ourselves, once
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    producer = AIOKafkaProducer(**kafka_client_options(settings), acks="all")
    server = PacketServer(producer, settings.packets_topics[0], ring)
    try:
        if await _unless(stop, _start(producer, settings)):
            await _unless(stop, server.play(played))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(producer.flush(), FLUSH_LIMIT_S)
    except KafkaError as error:
        raise SimulatorTrouble(
            f"the broker failed ({error}) after {server.acknowledged} frames", f"See {variable('brokers')}."
        ) from error
    finally:
        await _close(producer)
    doubtful = server.sent - server.acknowledged
    click.echo(
        f"Sent {server.acknowledged} frames."
        + (f" Of {doubtful} more it is not known: the broker did not answer." if doubtful else "")
    )


async def _close(producer: AIOKafkaProducer) -> None:
    try:
        await asyncio.wait_for(producer.stop(), FLUSH_LIMIT_S)
    except TimeoutError:
        await producer.client.close()


async def _start(producer: AIOKafkaProducer, settings: Settings) -> None:
    try:
        await producer.start()
    except KafkaError as error:
        raise SimulatorTrouble(
            f"no broker answers at {', '.join(settings.brokers)}", f"See {variable('brokers')}."
        ) from error


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do it until it is done (True), or `stop` is set (False)."""
    task, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
    for one in (task, stopping):
        one.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return False
    return True
