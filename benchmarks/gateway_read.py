"""How long a gateway takes to hold a million units, and how much memory: CPU time, no broker.

The rows are those of the topic as a worker writes them; what the broker and the network take comes on top.
"""

import resource
import time
from collections.abc import Iterator
from typing import Final

from stateserver.codec.unit import UnitRow, encode_unit, split_unit
from stateserver.domain.change import Change, Fields
from stateserver.gateway.read_model import ReadModel, Rows
from stateserver.gateway.unit_pages import Choice, page_of

SYSTEMS: Final = 100
BOOSTERS: Final = 100
DETONATORS: Final = 100
CHANGES: Final = 50_000
AT: Final = 1_760_000_000_000


def unit_rows() -> Iterator[UnitRow]:
    """A million detonators, and what they hang on."""
    for number in range(SYSTEMS):
        system = f"site-{number}"
        yield UnitRow(system, "0/23", 1, {"type": 0, "serial": 23, "first_seen": AT, "as_of": AT, "key_switch": True})
        for booster in range(BOOSTERS):
            parent = f"3/{100 + booster}"
            head: Fields = {"type": 3, "serial": 100 + booster, "first_seen": AT, "as_of": AT, "mains": True}
            yield UnitRow(system, parent, 2, head)
            for window in range(1, DETONATORS + 1):
                yield UnitRow(system, f"{parent}/4/{window}", 3, _detonator(parent, window))


def _detonator(parent: str, window: int) -> Fields:
    flags = ("bridge_wire", "calibration", "program", "booster_fired", "tagged", "detonator_status", "logged")
    told: Fields = {"type": 4, "window_id": window, "parent": parent, "first_seen": AT, "as_of": AT + window}
    told |= {"communication_status": True, "uid": f"27.67.233.{window}", "delay": 25 * window}
    return told | dict.fromkeys(flags, True)


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print what it takes."""
    values = [encode_unit(row) for row in unit_rows()]
    before_mb, began = _memory_mb(), time.process_time()
    rows = Rows()
    for value in values:
        rows.put_unit(split_unit(value))
    read_s = time.process_time() - began
    reading = ReadModel().begin(rows)
    begun_s = time.process_time() - began
    print(f"{len(values):,} units: {read_s:.1f} s to take the rows, {begun_s:.1f} s until they can be shown")
    print(f"memory: {_memory_mb() - before_mb:.0f} MB, {(_memory_mb() - before_mb) * 2**20 / len(values):.0f} B a unit")
    model = reading.systems["site-7"]
    began = time.process_time()
    page_of(model.units, Choice(), None, 10_000)
    print(f"a page of 10,000 units: {(time.process_time() - began) * 1000:.0f} ms")
    began = time.process_time()
    for number in range(CHANGES):
        path = f"3/{100 + number % BOOSTERS}/4/{1 + number % DETONATORS}"
        answers: Fields = {"detonator_status": number % 2 == 0}
        at = model.version + 1
        reading.fold(Change("site-7", at, AT, "unit_changed", path, answers, answers, "ps", number, False, {}), 0)
    each = (time.process_time() - began) / CHANGES
    print(f"a change: {each * 1e6:.1f} us to fold, {1 / each:,.0f} changes/s")


if __name__ == "__main__":
    main()
