"""The product and the reference on one journal: what differs first, and the shortest journal that still differs."""

import json
import traceback
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from stateserver.domain.change import change_to_json
from stateserver.domain.checkpoint import restore, take_rows
from stateserver.domain.system import System
from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Rejected
from stateserver.replay.folding import Folding
from stateserver.replay.lines import LineReader
from tests.oracle.journals import journal
from tests.oracle.reference import Outcome, replay

SYSTEM = "site å"


def product(lines: Iterable[str], mode: str, stops: Random | None = None) -> Outcome:
    """What the product makes of a journal; with `stops`, one that stops now and then and goes on from what it kept."""
    folding, reader, kept = Folding(SYSTEM), LineReader(Mode(mode)), dict[str, bytes]()
    changes: list[dict[str, Any]] = []
    causes: list[int] = []
    rejected: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        if stops is not None and stops.random() < 0.2:
            folding.system = _stopped_and_restored(folding.system, kept)
        try:
            record = reader.read(line)
            caused = [] if record is None else folding.apply(record)
        except Rejected as trouble:
            rejected.append((number, trouble.reason.value))
            continue
        changes.extend(change_to_json(change) for change in caused)
        causes.extend([number] * len(caused))
    units = [{"system": SYSTEM, "unit": path, **fields} for path, fields in folding.system.units()]
    return Outcome(changes, units, folding.documents(), folding.snapshots, rejected, causes)


def _stopped_and_restored(system: System, kept: dict[str, bytes]) -> System:
    for key, row in take_rows(system).items():
        if row is None:
            del kept[key]
        else:
            kept[key] = row
    return restore(SYSTEM, kept)


def difference(lines: list[str], mode: str, stops: Random | None = None) -> str | None:
    """What differs between product and reference, told for a person; None where nothing does."""
    expected, got = replay(lines, SYSTEM, mode), product(lines, mode, stops)
    return (
        _of_rejected(expected.rejected, got.rejected)
        or _of_changes(lines, expected, got)
        or _of_rows("unit", expected.units, got.units)
        or _of_rows("blast", expected.blasts, got.blasts)
        or _of_snapshots(expected.snapshots, got.snapshots)
    )


def difference_of(mode: str, seed: int, *, stops: bool = False) -> str | None:
    """What differs in the journal of a seed, a failure of the product's included."""
    return _difference_or_failure(journal(mode, seed), mode, seed if stops else None)


def shortest(mode: str, seed: int, *, stops: bool = False) -> str:
    """The shortest part of the journal of a seed that still differs, and how."""
    seed_of_stops = seed if stops else None
    lines = shrink(
        journal(mode, seed), lambda shorter: _difference_or_failure(shorter, mode, seed_of_stops) is not None
    )
    listed = "\n".join(lines)
    return f"The shortest that differs:\n{listed}\n\n{_difference_or_failure(lines, mode, seed_of_stops)}"


def _difference_or_failure(lines: list[str], mode: str, seed_of_stops: int | None) -> str | None:
    try:
        return difference(lines, mode, None if seed_of_stops is None else Random(seed_of_stops))
    except Exception:  # noqa: BLE001 whatever it is, it is told with its seed
        return traceback.format_exc()


def shrink(lines: list[str], differs: Callable[[list[str]], bool]) -> list[str]:
    """The lines without which it would not differ: pieces are dropped, half of them at once, then ever fewer."""
    size = max(1, len(lines) // 2)
    while True:
        at, before = 0, len(lines)
        while at < len(lines):
            shorter = lines[:at] + lines[at + size :]
            if differs(shorter):
                lines = shorter
            else:
                at += size
        if size == 1 and len(lines) == before:
            return lines
        size = max(1, size // 2)


def _of_rejected(expected: list[tuple[int, str]], got: list[tuple[int, str]]) -> str | None:
    if expected == got:
        return None
    wrong = sorted(set(expected) ^ set(got))
    return "\n".join(
        f"line {line}: {reason} {'expected' if (line, reason) in expected else 'got'}" for line, reason in wrong
    )


def _of_changes(lines: list[str], expected: Outcome, got: Outcome) -> str | None:
    """The record whose events differ first, and all of its events."""
    if same_json(expected.changes, got.changes):
        return None if expected.lines_of_changes == got.lines_of_changes else "the same events by other lines"
    same = sum(1 for _ in _equal_beginning(expected.changes, got.changes))
    causes = [outcome.lines_of_changes[same] for outcome in (expected, got) if same < len(outcome.changes)]
    line = min(causes)
    told = [f"line {line}: {lines[line - 1]}"]
    for name, outcome in (("expected", expected), ("got", got)):
        told.append(f"{name}:")
        events = zip(outcome.lines_of_changes, outcome.changes, strict=True)
        told += [f"  {json.dumps(change)}" for cause, change in events if cause == line]
    return "\n".join(told)


def _equal_beginning(expected: list[dict[str, Any]], got: list[dict[str, Any]]) -> Iterable[None]:
    for one, other in zip(expected, got, strict=False):
        if not same_json(one, other):
            return
        yield None


def _of_rows(what: str, expected: list[dict[str, Any]], got: list[dict[str, Any]]) -> str | None:
    if same_json(expected, got):
        return None
    for one, other in zip(expected, got, strict=False):
        if not same_json(one, other):
            names = sorted(name for name in one.keys() | other.keys() if not same_json(one.get(name), other.get(name)))
            told = [f"{name}: expected {one.get(name)}\n  got {other.get(name)}" for name in names]
            return f"{what} {one[what]}: " + "\n".join(told)
    return f"{len(expected)} rows of {what} expected, got {len(got)}"


def _of_snapshots(expected: dict[tuple[str, str], bytes], got: dict[tuple[str, str], bytes]) -> str | None:
    if expected == got:
        return None
    wrong = sorted(key for key in expected.keys() | got.keys() if expected.get(key) != got.get(key))
    return f"snapshots differ: {wrong}"


def same_json(one: Any, other: Any) -> bool:
    """Equal as JSON: to Python 1 is True, to a reader of JSON it is not."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
