"""What CloudEvents headers cost the worker: rows of `changes` made and put into batches, with them and without."""

import time

from aiokafka.producer.message_accumulator import BatchBuilder

from stateserver.codec.change import encode_changes
from stateserver.codec.cloud_event import cloud_event_headers
from stateserver.domain.change import NOTHING, UNIT_CHANGED, Change
from stateserver.stream.kafka_log import BATCH_BYTES_MAX

EVENTS = 2_000
STRETCHES = 50
EVENTS_A_PACKET = 2.38
AT = 1_700_000_000_000


def caused(version: int) -> list[Change]:
    """As a data frame of the standard load: a detonator, its booster, and so the control unit."""
    return [
        Change(
            "site-1", version + at, AT, UNIT_CHANGED, unit, {"logged": True}, {"logged": False}, "s", 7, False, NOTHING
        )
        for at, unit in enumerate(("3/100/4/17", "3/100"))
    ]


def stretch(frames: list[list[Change]], *, headed: bool) -> tuple[float, int]:
    """CPU microseconds an event, and bytes of the batch."""
    batch, carried = BatchBuilder(BATCH_BYTES_MAX, 0), list[tuple[str, bytes]]()
    started = time.process_time()
    for changes in frames:
        values = encode_changes(changes)
        headers = cloud_event_headers(changes) if headed else [carried] * len(values)
        for value, own in zip(values, headers, strict=True):
            assert batch.append(key=b"site-1", value=value, timestamp=None, headers=[*carried, *own]) is not None
    taken = time.process_time() - started
    return taken / EVENTS * 1e6, batch.size()


def main() -> None:
    """Least and median of many stretches, taken in turn."""
    frames = [caused(version) for version in range(1, EVENTS, 2)]
    taken: dict[bool, list[tuple[float, int]]] = {True: [], False: []}
    for _ in range(STRETCHES):
        for headed, stretches in taken.items():
            stretches.append(stretch(frames, headed=headed))
    print(f"  {'':<10}{'us, least':>10}{'median':>9}{'bytes':>8}   an event")
    for headed, stretches in taken.items():
        costs = sorted(cost for cost, _ in stretches)
        size = stretches[0][1] / EVENTS
        print(f"  {'headers' if headed else 'none':<10}{costs[0]:>10.2f}{costs[STRETCHES // 2]:>9.2f}{size:>8.0f}")
    more = min(taken[True])[0] - min(taken[False])[0]
    print(f"  {more * EVENTS_A_PACKET:.2f} us a packet of the standard load ({EVENTS_A_PACKET} events)")
