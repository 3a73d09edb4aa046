"""`stateserver simulate`: plays captures or whole sites as Packet Servers, into Kafka or to a file."""

import asyncio
import contextlib
import functools
import heapq
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import click
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from stateserver.errors import StateServerError
from stateserver.protocol.modes import Mode
from stateserver.security.keyring import KeyRing
from stateserver.settings import SettingError, Settings, kafka_client_options, load_settings, variable
from stateserver.simulator.capture import Played, read_capture, schedule
from stateserver.simulator.line import carry
from stateserver.simulator.packet_server import PacketServer
from stateserver.simulator.site import Site, SiteOptions

FRAMES_OF_A_FILE = 10_000


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
@click.option("--start", type=click.IntRange(0), help="The first frame's time, ms since 1970; default: now.")
@click.option("--frames", type=click.IntRange(1), help="Stop after so many; default: 10,000 to a file, else never.")
@click.option("--out", help="Write a journal file instead (`-` is standard output), of one system.")
def command(capture: str | None, out: str | None, frames: int | None, **wanted: Any) -> None:
    """Play sites, or a capture, as Packet Servers would: frames sealed and put on the packets topic.

    The key ring must name a current key for FRAME. With --out nothing is sealed, and no broker is needed.
    """
    asked = Wanted(**wanted)
    if out is not None and asked.systems != 1:
        raise SimulatorTrouble("a journal file holds one system", "Leave out --systems.")
    played = _play_capture(capture, asked) if capture else _play_sites(asked)
    if out is not None:
        _write(islice(played, frames or (None if capture else FRAMES_OF_A_FILE)), out)
        return
    settings = load_settings(os.environ)
    if settings.keyring is None:
        raise SettingError(variable("keyring"), "is needed to seal frames", "stateserver keys new")
    ring = KeyRing.load(settings.keyring.get_secret_value())
    count = asyncio.run(_send(settings, ring, islice(played, frames)))
    click.echo(f"Sent {count} frames.")


def _play_capture(capture: str, asked: Wanted) -> Iterator[Played]:
    return schedule(read_capture(capture, Mode(asked.mode)), asked.system, asked.speed)


def _play_sites(asked: Wanted) -> Iterator[Played]:
    start_ms = asked.start if asked.start is not None else time.time_ns() // 1_000_000
    sites = (_play_site(number, asked, start_ms) for number in range(asked.systems))
    return heapq.merge(*sites, key=lambda played: played.after_s)


def _play_site(number: int, asked: Wanted, start_ms: int) -> Iterator[Played]:
    mode = Mode(asked.mode)
    options = SiteOptions(
        mode, asked.boosters, asked.detonators, round(asked.round_s * 1000), asked.blast_every, asked.faults
    )
    seed = asked.seed * 10_000 + number
    system = asked.system if asked.systems == 1 else f"{asked.system}-{number + 1}"
    records = carry(Site(options, seed, start_ms).talk(), mode, asked.trouble, seed)
    return schedule(records, system, asked.speed)


def _write(played: Iterator[Played], out: str) -> None:
    with contextlib.ExitStack() as stack:
        try:
            file = sys.stdout if out == "-" else stack.enter_context(Path(out).open("w", encoding="utf-8"))
        except OSError as error:
            raise SimulatorTrouble(f"{out}: {error.strerror}", "Give --out a file to write.") from error
        for one in played:
            record = one.record
            line = {"created_at": record.created_at, "packet": record.frame.hex(), "source": record.source}
            file.write(json.dumps({**line, "sequence": record.sequence, "mode": record.mode}) + "\n")


async def _send(settings: Settings, ring: KeyRing, played: Iterator[Played]) -> int:
    """Play until the end, SIGINT or SIGTERM."""
    producer = AIOKafkaProducer(**kafka_client_options(settings), acks="all")
    try:
        await producer.start()
    except KafkaError as error:
        raise SimulatorTrouble(
            f"no broker answers at {', '.join(settings.brokers)}", f"See {variable('brokers')}."
        ) from error
    task = asyncio.create_task(PacketServer(producer, settings.packets_topics[0], ring).play(played))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return 0
    finally:
        await producer.stop()
