"""A loop in which the seed decides who goes on, and processes that can be paused, and killed at any await.

Time is virtual: when nobody can go on, it jumps to the next timer. There are no threads and no input or output. A
process is whatever runs in a context that names it. Killing it is not cancelling it: nothing of it ever runs again,
no `except` and no `finally`, as if the power had gone.
"""

import asyncio
import heapq
import warnings
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from itertools import count
from random import Random
from typing import Any, NoReturn

_PROCESS: ContextVar["Process | None"] = ContextVar("_PROCESS", default=None)
STEPS_MAX = 400_000
"""A run that takes more has lost its way."""
NOBODY = copy_context()
"""The context of the world itself: what runs in it outlives every process."""


class LostItsWay(Exception):
    """The simulation does not come to an end."""


class Process:
    """A group of tasks. `fuse` counts down its steps to an accident, which `blow` is.

    `succeeded`: another has been started in its place.
    """

    def __init__(self, name: str, blow: Callable[["Process"], None]) -> None:
        self.name = name
        self.alive = True
        self.paused = False
        self.succeeded = False
        self.fuse = -1
        self.context = Context()
        self.context.run(_PROCESS.set, self)
        self._blow = blow
        self._held: list[asyncio.Handle] = []

    def admits(self, handle: asyncio.Handle) -> bool:
        """Whether it takes its next step. A paused one takes it later, a dead one never: then nothing is let go of."""
        if not self.alive or self.paused:
            self._held.append(handle)
            return False
        self.fuse -= 1
        if self.fuse == 0:
            self._held.append(handle)
            self._blow(self)
            return False
        return True

    def take_held(self) -> list[asyncio.Handle]:
        """What came up in a pause."""
        held, self._held = self._held, []
        return held


def sender() -> "Process | None":
    """The process that this runs in; None for the world itself."""
    return _PROCESS.get()


def current_process() -> str:
    """The name of who runs now."""
    process = _PROCESS.get()
    return "-" if process is None else process.name


class SimulatedLoop(asyncio.BaseEventLoop):
    """`in_order`: callbacks run in the order they were asked for, as asyncio does; else in any."""

    def __init__(self, random: Random, *, in_order: bool = False) -> None:
        super().__init__()
        self._random = random
        self._in_order = in_order
        self._now = 0.0
        self._soon: list[asyncio.Handle] = []
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._number = count()
        self._tasks: list[asyncio.Task[Any]] = []
        self._disposed = False
        self.steps = 0

    def time(self) -> float:
        return self._now

    def call_soon(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        if not self._disposed:
            self._soon.append(handle)
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        if not self._disposed:
            heapq.heappush(self._timers, (when, next(self._number), timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass

    def call_soon_threadsafe(self, *_: Any, **__: Any) -> NoReturn:  # type: ignore[override]
        raise AssertionError("a thread in a simulation")

    def run_in_executor(self, *_: Any, **__: Any) -> NoReturn:  # type: ignore[override]
        raise AssertionError("a thread in a simulation")

    def create_task(
        self, coro: Any, *, name: object = None, context: Context | None = None, **_: object
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=str(name), context=context)
        self._tasks.append(task)
        return task

    def spawn(self, coro: Coroutine[Any, Any, Any], process: Process) -> asyncio.Task[Any]:
        """A task of a process."""
        return self.create_task(coro, context=process.context.copy())

    def resume(self, process: Process) -> None:
        """A paused process goes on with all that came up meanwhile."""
        process.paused = False
        self._soon.extend(process.take_held())

    def _run_once(self) -> None:
        if not self._soon:
            self._pass_time()
        self.steps += 1
        if self.steps > STEPS_MAX:
            raise LostItsWay(f"after {self.steps} steps, at {self._now:.1f} s")
        soon = self._soon
        at = 0 if self._in_order else int(self._random.random() * len(soon))
        handle = soon.pop(at)
        if handle.cancelled():
            return
        process = handle._context.get(_PROCESS)  # type: ignore[attr-defined]
        if process is None or process.admits(handle):
            handle._run()

    def _pass_time(self) -> None:
        if not self._timers:
            raise LostItsWay("everybody waits for somebody else")
        self._now = max(self._now, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._now:
            self._soon.append(heapq.heappop(self._timers)[2])

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Nothing: what is left behind by the dead is looked at by nobody."""

    def _asyncgen_finalizer_hook(self, agen: Any) -> None:
        """Nothing: it would run code of the dead."""

    def dispose(self) -> None:
        """The end of this world: let go of all that never came to its end, unseen."""
        self._disposed = True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of coroutines that never began
            while self._tasks:
                _let_go(self._tasks.pop())
            self._soon.clear()
            self._timers.clear()
        self.close()


def _let_go(task: asyncio.Task[Any]) -> None:
    if task.done():
        return
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    coro = task.get_coro()
    assert coro is not None
    for _ in range(20):  # what it still awaits at its end is not there any more
        with suppress(BaseException):
            coro.close()
            return
