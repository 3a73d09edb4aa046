"""Where past states are asked for: a process of its own looks them up, so that nobody else has to wait for it."""

import asyncio
import logging
import os
import sys
from collections.abc import Mapping
from typing import Final

import orjson

from stateserver.gateway import refusals
from stateserver.gateway.past_answers import Question
from stateserver.gateway.refusals import Busy, HistoryUnreachable, Refusal

log = logging.getLogger(__name__)

WAITING_MAX: Final = 16
LIMIT_S: Final = 60.0
HEAD_BYTES_MAX: Final = 1 << 16


class PastDesk:
    """`environment` is that of the process which looks things up: its settings. It is started by the first question."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(os.environ if environment is None else environment)
        self._turn = asyncio.Lock()
        self._asking: set[asyncio.Task[bytes]] = set()
        self._process: asyncio.subprocess.Process | None = None

    async def ask(self, question: Question) -> bytes:
        """The answer's JSON. Raises Busy, HistoryUnreachable, and what the question is refused with."""
        if len(self._asking) >= WAITING_MAX:
            raise Busy(f"{WAITING_MAX} past states are being looked up already")
        # Whoever asked may go away; what is said to the process, and its answer, must stay whole.
        task = asyncio.create_task(self._ask(question))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        return await asyncio.shield(task)

    async def _ask(self, question: Question) -> bytes:
        async with self._turn:
            try:
                async with asyncio.timeout(LIMIT_S):
                    return await self._exchange(question)
            except TimeoutError:
                await self._stop()
                raise HistoryUnreachable(f"it took more than {LIMIT_S:.0f} s") from None
            except (OSError, asyncio.IncompleteReadError):
                await self._stop()
                log.error("the process that looks up past states has ended")
                raise HistoryUnreachable("the process that looks them up has ended") from None
            except asyncio.CancelledError:
                await self._stop()
                raise

    async def _exchange(self, question: Question) -> bytes:
        process = await self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(orjson.dumps(question._asdict()) + b"\n")
        await process.stdin.drain()
        head = orjson.loads(await process.stdout.readuntil(b"\n"))
        body = await process.stdout.readexactly(head["size"])
        if "refusal" in head:
            raise _refusal(head["refusal"], **orjson.loads(body))
        return body

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "stateserver.gateway.past_reader"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=self._environment,
                limit=HEAD_BYTES_MAX,
            )
        return self._process

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def close(self) -> None:
        """Look up no more."""
        for task in list(self._asking):
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        await self._stop()


def _refusal(name: str, message: str, hint: str) -> Refusal:
    """What the process refused with, as if it had been raised here."""
    kind = getattr(refusals, name)
    assert issubclass(kind, Refusal)
    refusal: Refusal = kind.__new__(kind)
    Refusal.__init__(refusal, message, hint)
    return refusal
