"""What waits to be written to one partition of a topic, and the task that writes it: at once, in order, in batches.

Rows put while a write is under way go out together with the next one. Nobody waits for Kafka but those who ask to.
"""

import asyncio
from collections.abc import Sequence

from stateserver.stream.ports import Headers, Log, Row

WAITING_BYTES_MAX = 16 << 20
"""With more than that waiting, whoever fills the box has to wait for `room`."""


class Outbox:
    """Rows for one partition of one topic. A failed write fails every later call.

    `next_offset`: what was put after all that is safe lies there or behind; None while nobody knows. `headers` are
    those of each row, beside its own.
    """

    def __init__(
        self, log: Log, topic: str, partition: int, next_offset: int | None = None, headers: Headers = ()
    ) -> None:
        self._log = log
        self._topic = topic
        self._partition = partition
        self._headers = headers
        self._waiting: list[Row] = []
        self.waiting_bytes = 0
        self._put = 0
        self._written = 0
        self._moved = asyncio.Condition()
        self._trouble: BaseException | None = None
        self._task: asyncio.Task[None] | None = None
        self.next_offset = next_offset

    def put(self, rows: Sequence[Row]) -> None:
        """Have rows written, soon."""
        if not rows:
            return
        self._waiting.extend(rows)
        self.waiting_bytes += sum(len(value) for _, value, _ in rows if value is not None)
        self._put += len(rows)
        if self._task is None and self._trouble is None:
            self._task = asyncio.create_task(self._write(), name=f"outbox {self._topic} {self._partition}")

    @property
    def full(self) -> bool:
        """Whether no more should be put for now."""
        return self.waiting_bytes > WAITING_BYTES_MAX

    async def room(self) -> None:
        """Wait until the box is no longer full."""
        async with self._moved:
            await self._moved.wait_for(lambda: not self.full or self._trouble is not None)
        self._raise_trouble()

    async def flush(self) -> None:
        """Wait until all that was put so far is safe."""
        wanted = self._put
        async with self._moved:
            await self._moved.wait_for(lambda: self._written >= wanted or self._trouble is not None)
        self._raise_trouble()

    def _raise_trouble(self) -> None:
        if self._trouble is not None:
            raise self._trouble

    async def _write(self) -> None:
        try:
            while self._waiting:
                rows, self._waiting, self.waiting_bytes = self._waiting, [], 0
                self.next_offset = await self._log.append(self._topic, self._partition, rows, self._headers)
                self._written += len(rows)
                async with self._moved:
                    self._moved.notify_all()
        except Exception as trouble:  # noqa: BLE001 it is raised to all who wait, and to all who come
            self._trouble = trouble
        finally:
            self._task = None
        if self._trouble is not None:
            async with self._moved:
                self._moved.notify_all()

    async def close(self) -> None:
        """Stop writing; what was not flushed may be lost."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
