"""Kafka clients don't bear being cancelled as they make a connection: they lose sight of it, and never close it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

ANSWER_S: Final = 1.0
"""How long a question that is no longer wanted is waited for."""


async def unbroken(asking: Coroutine[Any, Any, None]) -> None:
    """Await it; whoever is cancelled meanwhile waits a moment for its end."""
    task = asyncio.create_task(asking)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=ANSWER_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
