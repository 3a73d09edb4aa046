"""What is written in bulk is written as one at a time: events of a record, and units in windows."""

from hypothesis import given

from stateserver.codec.change import encode_change, encode_changes
from stateserver.codec.topics import unit_key
from stateserver.codec.unit import UnitRow, encode_unit, encode_windows
from stateserver.domain.apply import apply
from stateserver.domain.records import Record
from stateserver.domain.system import System
from stateserver.protocol.reasons import Rejected
from tests.domain.journals import journals


@given(journals())
def test_events_and_windows_are_the_same_bytes(journal: list[Record]) -> None:
    system = System("Grube å")
    for record in journal:
        try:
            changes = apply(system, record).changes
        except Rejected:
            continue
        if changes:
            assert encode_changes(changes) == [encode_change(change) for change in changes]
    for bank in (unit.bank for unit in system.speakers.values() if unit.bank is not None):
        gone = len(bank.presence)
        expected: list[tuple[bytes, bytes | None]] = [(unit_key(system.name, bank.path(gone)), None)]
        for window in bank.windows():
            row = UnitRow(system.name, bank.path(window), bank.versions[window], bank.fields(window))
            expected.append((unit_key(system.name, row.unit), encode_unit(row)))
        assert encode_windows(system.name, bank, [gone, *bank.windows()]) == expected
