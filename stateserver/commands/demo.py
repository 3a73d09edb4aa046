"""`stateserver demo`: a live system on this machine, with a real blast in it."""

import asyncio
import os
import time

import click

from stateserver.commands.system_names import require_system
from stateserver.demo.capture import CAPTURE
from stateserver.demo.run import Play, run_demo
from stateserver.errors import StateServerError
from stateserver.protocol.modes import Mode
from stateserver.settings import load_settings
from stateserver.simulator.capture import read_capture, require_past


@click.command()
@click.option("--speed", type=click.FloatRange(0.01, 10_000), default=20, show_default=True, help="Times as fast.")
@click.option("--capture", default=str(CAPTURE), help="The capture to play; default: a real one, of a blast.")
@click.option("--mode", type=click.Choice(list(Mode)), default=Mode.AXXIS100, show_default=True, help="Its mode.")
@click.option("--system", default="site", show_default=True, help="The id of the system that it is played as.")
def command(speed: float, capture: str, mode: Mode, system: str) -> None:
    """Start an embedded broker, a worker and a gateway, and play a capture as a Packet Server would.

    Keys and the token to log in with are made for this run. Nothing is kept when it stops, by Ctrl-C: exit status 0
    then, 2 where it could not start or a part of it failed.
    """
    settings = load_settings(os.environ)
    require_system(system)
    frames = read_capture(capture, Mode(mode))
    require_past(capture, frames, time.time_ns() // 1_000_000)
    try:
        asyncio.run(run_demo(settings, Play(frames, system, speed), click.echo))
    except* StateServerError as troubles:
        trouble: BaseException = troubles
        while isinstance(trouble, BaseExceptionGroup):
            trouble = trouble.exceptions[0]
        raise trouble from None
