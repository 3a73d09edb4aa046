"""Snapshots as JSON, made once for all who want them, and in slices: a huge system holds up nobody.

A snapshot stays in pieces: each client's message is made of the same bytes, and none is a copy of them.
"""

import asyncio
import time
import zlib
from base64 import b64encode
from typing import Final

from stateserver.gateway.draft import Draft, Written
from stateserver.gateway.messages import Pieces
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.system_model import SystemModel

SMALL_UNITS: Final = 2_000
"""A system of so few units is always written afresh. With more, what follows may be used again."""
REUSE_CHANGES: Final = 1_000
REUSE_S: Final = 1.0
REUSE_TIMES: Final = 5.0
"""Or for so many times as long as it took to write it."""
HELD_BYTES_MAX: Final = 256 * 1024 * 1024
GZIP_LEVEL: Final = 1
GZIP_HEADER: Final = 31
BASE64_STEP: Final = 768 * 1024


class Snapshot:
    """A system's state at `version`, and whether that was `whole`."""

    def __init__(self, written: Written, stamp: tuple[int, ...], took_s: float) -> None:
        self.generation = stamp[0]
        self.version = written.version
        self.whole = written.whole
        self.json = written.json
        self.size = sum(map(len, written.json))
        self._small = written.units <= SMALL_UNITS
        self._stamp = stamp
        self._good_until = time.monotonic() + max(REUSE_S, took_s * REUSE_TIMES)
        self._zipped: asyncio.Task[Pieces] | None = None

    def serves(self, model: SystemModel, stamp: tuple[int, ...]) -> bool:
        """Is it still good to begin with? What has changed since follows it as changes do."""
        if self._stamp == stamp:
            return True
        if self._small or self.generation != stamp[0] or time.monotonic() > self._good_until:
            return False
        behind = model.version - self.version
        return behind <= REUSE_CHANGES and (behind == 0 or model.log.after(self.version, 0) is not None)

    async def zipped(self) -> Pieces:
        """The base64 of its gzip, written by a thread beside the loop, once."""
        if self._zipped is None:
            self._zipped = asyncio.create_task(asyncio.to_thread(_zipped, self.json))
        return await asyncio.shield(self._zipped)


class Snapshots:
    """Those of all systems, as far as they are still good."""

    def __init__(self, reading: ReadModel) -> None:
        self._reading = reading
        self._held: dict[tuple[str, str | None], Snapshot] = {}
        self._writing: dict[tuple[str, str | None], asyncio.Task[Snapshot]] = {}

    async def of(self, system: str, prefix: str | None = None) -> Snapshot:
        """A system's snapshot, or that of a unit and those below it. Raises KeyError for an unknown system."""
        model, key = self._reading.systems[system], (system, prefix)
        held = self._held.get(key)
        if held is not None and held.serves(model, self._stamp(model)):
            return held
        if key not in self._writing:
            task = self._writing[key] = asyncio.create_task(self._write(system, prefix))
            task.add_done_callback(lambda _: self._writing.pop(key))
        # Others may wait for it too: it goes on when one of them goes.
        return await asyncio.shield(self._writing[key])

    async def _write(self, system: str, prefix: str | None) -> Snapshot:
        began = time.monotonic()
        while True:
            model = self._reading.systems[system]
            written = await Draft(self._reading, model, prefix).write()
            # The topics may have been read anew meanwhile, or the log cut: then it is of no use.
            if written is not None and self._reading.systems[system] is model:
                break
        snapshot = Snapshot(written, self._stamp(model), time.monotonic() - began)
        self._hold((system, prefix), snapshot)
        return snapshot

    def _hold(self, key: tuple[str, str | None], snapshot: Snapshot) -> None:
        self._held.pop(key, None)
        self._held[key] = snapshot
        held = sum(one.size for one in self._held.values())
        while held > HELD_BYTES_MAX:
            oldest = next(iter(self._held))
            held -= self._held.pop(oldest).size

    def _stamp(self, model: SystemModel) -> tuple[int, ...]:
        return (model.generation, model.revision, self._reading.blasts.revision)


def _zipped(json: Pieces) -> Pieces:
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_HEADER)
    packed = b"".join([*map(packer.compress, json), packer.flush()])
    return tuple(b64encode(packed[at : at + BASE64_STEP]) for at in range(0, len(packed), BASE64_STEP))
