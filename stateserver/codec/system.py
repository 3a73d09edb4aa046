"""Where a system stands at a checkpoint, as it lies in `systems` (spec page 4)."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from stateserver.codec.schemas import SCHEMAS
from stateserver.domain.paths import path_key

ROW_BYTES_MAX: Final = 768 << 10
"""Kafka's own producers refuse a value over 1 MiB, and a worker whose row is refused would stop."""
SHORT_NOTE: Final = 200
CUT: Final = "…"
"""What a note ends with that was cut to have the row fit. The event that brought it has all of it."""


class WarningRow(NamedTuple):
    """An open warning. Times in ms since 1970 (UTC)."""

    unit: str
    field: str
    raised: int
    acknowledged: int | None = None
    actor: str | None = None
    note: str | None = None


class AnsweredRow(NamedTuple):
    """A detonator (or type 1 booster) that answered at `at` (ms since 1970), though `blast` told `outcome` of it."""

    unit: str
    blast: str
    outcome: str
    at: int


class ClockSetBack(NamedTuple):
    """The last time that a source's clock was set back: by so many ms, as a frame of `at` (ms since 1970) told."""

    source: str
    at: int
    by: int


class SystemRow(NamedTuple):
    """A system at a checkpoint. Times in ms since 1970 (UTC).

    `offset` is the journal offset of the last record applied, `appended_at` Kafka's timestamp of it.
    `sources` has the last sequence of each source, `gaps` how many frames of each are missing, where any.
    `mode` is a name of `protocol.modes.Mode`, or of a later version's. `state_hash` is 16 bytes.
    `checkpointed_at` is the worker's own clock: every event up to `version` was written to `changes` before.
    From `changes_offset` on, same partition, all later ones are found (None: not known).

    What events have told may be too old for whoever reads them, so it stands here too, each in path order or by
    source; None where an older version wrote the row, or where it would not fit.
    """

    system: str
    version: int
    time: int | None
    mode: str | None
    partition: int
    offset: int
    appended_at: int | None
    counters: dict[str, int]
    sources: dict[str, int]
    gaps: dict[str, int]
    state_hash: bytes
    checkpointed_at: int
    changes_offset: int | None
    warnings: Sequence[WarningRow] | None = None
    answered_after_blast: Sequence[AnsweredRow] | None = None
    clocks_ahead: Sequence[str] | None = None
    clocks_set_back: Sequence[ClockSetBack] | None = None


def encode_system(row: SystemRow) -> bytes:
    """A system as a single-object value. What would be too large for a row is cut: notes first."""
    value = SCHEMAS.encode("system", _record_of(row))
    if len(value) <= ROW_BYTES_MAX:
        return value
    for smaller in _smaller(row):
        value = SCHEMAS.encode("system", _record_of(smaller))
        if len(value) <= ROW_BYTES_MAX:
            break
    return value


def decode_system(value: bytes) -> SystemRow:
    """The system in a value, whatever version its schema has. Raises UnreadableValue."""
    return _row_of(SCHEMAS.decode("system", value))


def shown_system(row: SystemRow) -> dict[str, Any]:
    """A system as a JSON object."""
    shown = row._asdict() | {"state_hash": row.state_hash.hex()}
    for name in ("warnings", "answered_after_blast", "clocks_set_back"):
        shown[name] = None if shown[name] is None else [one._asdict() for one in shown[name]]
    return shown


def _record_of(row: SystemRow) -> dict[str, Any]:
    record = row._asdict()
    if row.warnings is not None:
        record["warnings"] = [one._asdict() for one in row.warnings]
    if row.answered_after_blast is not None:
        record["answered_after_blast"] = _grouped(row.answered_after_blast)
    if row.clocks_set_back is not None:
        record["clocks_set_back"] = [one._asdict() for one in row.clocks_set_back]
    return record


def _row_of(record: dict[str, Any]) -> SystemRow:
    row = SystemRow(**record)
    warnings, answered, set_back = (record[name] for name in ("warnings", "answered_after_blast", "clocks_set_back"))
    return row._replace(
        warnings=None if warnings is None else [WarningRow(**one) for one in warnings],
        answered_after_blast=None if answered is None else _one_by_one(answered),
        clocks_set_back=None if set_back is None else [ClockSetBack(**one) for one in set_back],
    )


def _grouped(answered: Sequence[AnsweredRow]) -> list[dict[str, Any]]:
    """A frame tells of many detonators of one booster: they lie together."""
    groups: dict[tuple[str, str, str, int], list[int]] = {}
    for unit, blast, outcome, at in answered:
        below, _, window = unit.rpartition("/")
        groups.setdefault((blast, below, outcome, at), []).append(int(window))
    return [
        {"blast": blast, "below": below, "windows": sorted(windows), "outcome": outcome, "at": at}
        for (blast, below, outcome, at), windows in groups.items()
    ]


def _one_by_one(groups: Sequence[dict[str, Any]]) -> list[AnsweredRow]:
    answered = [
        AnsweredRow(f"{one['below']}/{window}", one["blast"], one["outcome"], one["at"])
        for one in groups
        for window in one["windows"]
    ]
    return sorted(answered, key=lambda one: path_key(one.unit))


def _smaller(row: SystemRow) -> Iterator[SystemRow]:
    warnings = row.warnings or ()
    for characters in (SHORT_NOTE, 0):
        yield row._replace(warnings=[one._replace(note=_cut(one.note, characters)) for one in warnings])
    yield row._replace(warnings=None)
    yield row._replace(warnings=None, answered_after_blast=None)


def _cut(note: str | None, characters: int) -> str | None:
    return note if note is None or len(note) <= characters else note[:characters] + CUT
