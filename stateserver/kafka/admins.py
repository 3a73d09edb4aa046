"""Administrative clients: for a question or two, then let go."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient


@asynccontextmanager
async def admin(options: Mapping[str, Any], **more: Any) -> AsyncIterator[AIOKafkaAdminClient]:
    """One that is connected. `options` are those that every client is built with. Raises what aiokafka does."""
    client = AIOKafkaAdminClient(**options, **more)
    try:
        await client.start()
        yield client
    finally:
        await client.close()
