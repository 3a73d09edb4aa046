"""Reports of blasts, made one at a time in a process of their own, and kept while there is room."""

import asyncio
import logging
import sys
from collections import OrderedDict
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from stateserver.codec.blast import BlastPart, join_document
from stateserver.gateway.blast_shelf import ShelvedBlast
from stateserver.gateway.refusals import Busy, ReportFailed
from stateserver.gateway.report_maker import request_of
from stateserver.reports.names import file_stem
from stateserver.reports.times import SiteClock

log = logging.getLogger(__name__)

KEPT_BYTES_MAX: Final = 64 << 20
WAITING_MAX: Final = 8
MAKING_LIMIT_S: Final = 300.0
SAID_MAX: Final = 2_000


class Wanted(NamedTuple):
    """A view of a report, known by what the report says."""

    sha256: str
    view: str


class ReportDesk:
    """`zone` is the site's time zone, an IANA name."""

    def __init__(self, zone: str = "UTC") -> None:
        self._zone = zone
        self._kept: OrderedDict[Wanted, bytes] = OrderedDict()
        self._kept_bytes = 0
        self._making: dict[Wanted, asyncio.Task[bytes]] = {}
        self._turn = asyncio.Lock()

    def name(self, blast: ShelvedBlast, view: str) -> str:
        """What a view of a report is called as a file."""
        stem = file_stem(blast.system, blast.summary["initiated"], blast.blast, SiteClock(ZoneInfo(self._zone)))
        return f"{stem}.{view}"

    async def report(self, blast: ShelvedBlast, snapshots: list[BlastPart], view: str) -> bytes:
        """A view of a report (a name of `reports.views`). Raises Busy, ReportFailed."""
        if view == "json":
            return (await asyncio.to_thread(join_document, blast.parts)).content
        wanted = Wanted(blast.sha256, view)
        if wanted in self._kept:
            self._kept.move_to_end(wanted)
            return self._kept[wanted]
        if wanted not in self._making:
            if len(self._making) >= WAITING_MAX:
                raise Busy(f"{WAITING_MAX} reports are being made already")
            task = asyncio.create_task(self._make(wanted, [*blast.parts, *snapshots]))
            self._making[wanted] = task
            task.add_done_callback(lambda _: self._making.pop(wanted))
        return await asyncio.shield(self._making[wanted])

    async def _make(self, wanted: Wanted, parts: list[BlastPart]) -> bytes:
        async with self._turn:
            try:
                async with asyncio.timeout(MAKING_LIMIT_S):
                    made = await _run(wanted.view, self._zone, parts)
            except TimeoutError:
                raise ReportFailed(f"it took more than {MAKING_LIMIT_S:.0f} s") from None
        self._keep(wanted, made)
        return made

    def _keep(self, wanted: Wanted, made: bytes) -> None:
        if len(made) > KEPT_BYTES_MAX:
            return
        self._kept[wanted] = made
        self._kept_bytes += len(made)
        while self._kept_bytes > KEPT_BYTES_MAX:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= len(dropped)

    async def close(self) -> None:
        """Make no more."""
        for task in list(self._making.values()):
            task.cancel()
        await asyncio.gather(*self._making.values(), return_exceptions=True)


async def _run(view: str, zone: str, parts: list[BlastPart]) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stateserver.gateway.report_maker"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        # Encoding large parts takes its time: each is written before the next is made.
        assert process.stdin is not None
        sending = asyncio.create_task(_send(process.stdin, view, zone, parts))
        assert process.stdout is not None
        assert process.stderr is not None
        made, said = await asyncio.gather(process.stdout.read(), process.stderr.read())
        await sending
        if await process.wait() != 0:
            log.error("the report could not be made: %s", said.decode(errors="replace")[-SAID_MAX:])
            raise ReportFailed("the log of the gateway says why")
        return made
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _send(pipe: asyncio.StreamWriter, view: str, zone: str, parts: list[BlastPart]) -> None:
    try:
        for piece in request_of(view, zone, parts):
            pipe.write(piece)
            await pipe.drain()
    except (BrokenPipeError, ConnectionResetError):
        log.debug("the process that makes a report ended before it was told all")
    finally:
        pipe.close()
