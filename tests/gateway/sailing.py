"""A fleet of clients, seen from the test that sends it out."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.gateway.fleet import Log, Order


class Sailing:
    """A fleet that is under way."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> str:
        """The next line that it prints."""
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).decode().strip()

    async def log(self) -> Log:
        """What became of it, once it is back."""
        log = Log(**json.loads(await self.line()))
        return log._replace(at={int(version): at for version, at in log.at.items()})


@asynccontextmanager
async def sailing(order: Order) -> AsyncIterator[Sailing]:
    """Send it out, and wait until all have subscribed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.gateway.fleet"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(order._asdict()).encode() + b"\n")
        await process.stdin.drain()
        fleet = Sailing(process)
        assert await fleet.line() == "ready"
        yield fleet
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
