"""Consumers that read beside whoever works: in no group, committing nothing, seeing nothing that may be struck out."""

from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer


def reader(options: Mapping[str, Any], *, fetch_bytes: int, wait_ms: int) -> Any:
    """A consumer, not started yet.

    `options` are those that every client is built with. `fetch_bytes` is how much of a partition comes at a time,
    `wait_ms` how long a broker may wait for something to come.
    """
    return AIOKafkaConsumer(
        **options,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",  # retention may take away what was there a moment ago
        isolation_level="read_committed",
        max_partition_fetch_bytes=fetch_bytes,
        fetch_max_wait_ms=wait_ms,
    )
