"""How a system stood once, by folding its journal: what looks back must agree with that."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from stateserver.codec.change import decode_change, system_time
from stateserver.codec.still import Still, decode_still_part, encode_still, join_still
from stateserver.domain.apply import apply
from stateserver.domain.change import Fields
from stateserver.domain.paths import path_key
from stateserver.domain.records import Record
from stateserver.domain.still import take_still
from stateserver.domain.system import System
from stateserver.gateway.past_state import Past, Step
from stateserver.protocol.reasons import Rejected
from stateserver.stream.partition import PartitionProcessor
from stateserver.stream.ports import Batch, Row
from tests.stream.journals import RING, log_lines

TOPIC = "packets"


class Stood(NamedTuple):
    """A system after some records, `as_of` left out. `warnings` as in a list of them."""

    time: int | None
    version: int
    mode: str | None
    units: dict[str, Fields]
    warnings: list[Fields]
    answered: list[dict[str, Any]]


class Journey:
    """The states that a journal leads through."""

    def __init__(self, records: Sequence[Record]) -> None:
        system = System("site")
        self.states = [_stood(system)]
        for record in records:
            try:
                changes, _ = apply(system, record)
            except Rejected:
                continue
            # The units are as they were where no event tells otherwise.
            now = _stood(system) if changes else self.states[-1]
            self.states.append(now._replace(time=system.time, mode=system.mode))

    def at(self, instant: int) -> Stood:
        """Before the first record that took its time past the instant."""
        return [state for state in self.states if state.time is None or state.time <= instant][-1]


def _stood(system: System) -> Stood:
    units = {path: without_as_of(fields) for path, fields in system.units()}
    warnings: list[Fields] = []
    for w in system.warnings.values():
        warning: Fields = {"unit": w.unit, "field": w.field, "raised": w.raised, "acknowledged": w.acknowledged}
        warnings.append({**warning, "actor": w.actor, "note": w.note})
    answered = [one._asdict() for one in sorted(system.answered.values(), key=lambda one: path_key(one.unit))]
    return Stood(system.time, system.version, system.mode, units, warnings, answered)


def without_as_of(fields: dict[str, Any]) -> dict[str, Any]:
    """Nothing but events tells of the past, and it moves without them."""
    return {name: value for name, value in fields.items() if name != "as_of"}


def instants(records: Sequence[Record]) -> list[int]:
    """All at which something may change, and those beside them; deadlines lie whole seconds behind records."""
    times = {record.created_at for record in records}
    times |= {time + after for time in times for after in (1_000, 420_000, 600_000)}
    return sorted({max(0, time + beside) for time in times for beside in (-1, 0)})


class Written:
    """The events of one system as a worker's own code writes them, and a still after each so many records."""

    def __init__(self, records: Sequence[Record], still_every: int, system: str = "site") -> None:
        self.events: list[Row] = []
        self.stills: list[Still] = []
        processor, lines = PartitionProcessor(0, RING, {TOPIC: 0}), log_lines(records, system)
        for start in range(0, len(lines), still_every):
            self.events += processor.process(Batch(TOPIC, 0, start, lines[start : start + still_every])).changes
            for name, tracked in processor.systems.items():
                now = tracked.system
                still = Still(name, now.version, now.time, now.mode, len(self.events), take_still(now))
                self.stills.append(_again(still))

    def past(self, at: int, *, from_still: bool = True) -> tuple[Past, Step]:
        """The state at an instant, and what became of the last event that was looked at."""
        early = [still for still in self.stills if still.time is None or still.time <= at]
        past, step = Past("site", early[-1] if early and from_still else None), Step.PASSED
        for row in self.events:
            change = decode_change(row.value or b"")
            step = past.take(change, system_time(change, row.headers), at)
            if step is Step.BEYOND:
                break
        past.settle()
        return past, step


def _again(still: Still) -> Still:
    """As it is read from its topic."""
    read = join_still([decode_still_part(value) for value in encode_still(still)])
    assert read == still
    return read
