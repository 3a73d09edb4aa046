"""What is written in bulk is written as one at a time: events of a record, and units in windows."""

from hypothesis import given

from stateserver.codec.change import encode_change, encode_changes
from stateserver.codec.unit import UnitRow, encode_unit, encode_window
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
        for window in bank.windows():
            row = UnitRow(system.name, bank.path(window), bank.versions[window], bank.fields(window))
            assert encode_window(system.name, bank, window) == encode_unit(row)
