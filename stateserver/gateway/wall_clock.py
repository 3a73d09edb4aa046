"""The present, for what is judged or stamped by it."""

import time


def now_ms() -> int:
    """Ms since 1970 (UTC)."""
    return time.time_ns() // 1_000_000
