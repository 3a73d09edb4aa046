"""A still and the events after it, as a worker's own code writes them: the state at every instant, and no other."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stateserver.codec.change import decode_change
from stateserver.codec.still import PART_BYTES_MAX, Still, decode_still_part, encode_still, join_still
from stateserver.domain.records import Record
from stateserver.domain.still import UnreadableStill, read_still
from stateserver.gateway.past_state import Past, Step
from tests.domain.journals import journals
from tests.gateway.past import Journey, Written, instants
from tests.stream.journals import CAPTURE, EXAMPLES, example_records

TOPIC = "packets"


def agree(written: Written, journey: Journey, at: int, *, from_still: bool = True) -> None:
    past, _ = written.past(at, from_still=from_still)
    expected = journey.at(at)
    units = {path: past.units[path] for path in past.units}
    assert (past.version, units) == (expected.version, expected.units)
    assert sorted(past.warnings.rows(), key=repr) == sorted(expected.warnings, key=repr)
    assert past.answered.rows() == expected.answered
    # Time moves without events too.
    assert past.time is None or past.time <= (expected.time or 0)
    if from_still and past.mode is not None:
        assert past.mode == expected.mode


@pytest.mark.parametrize("example", EXAMPLES)
def test_at_every_instant_of_an_example_it_is_what_its_journal_says(example: str) -> None:
    records = example_records(example)
    written, journey = Written(records, 40), Journey(records)
    every = max(1, len(instants(records)) // 40)
    for at in instants(records)[::every]:
        agree(written, journey, at)


@settings(max_examples=25)
@given(journals(), st.integers(1, 9), st.booleans())
def test_at_every_instant_of_any_journal(journal: list[Record], still_every: int, from_still: bool) -> None:
    written, journey = Written(journal, still_every), Journey(journal)
    for at in instants(journal):
        agree(written, journey, at, from_still=from_still)


def test_an_event_that_is_missing_is_noticed_and_a_repeat_is_none() -> None:
    records = example_records(CAPTURE)
    changes = [decode_change(row.value or b"") for row in Written(records, 1000).events]
    past, late = Past("site"), records[-1].created_at
    assert past.take(changes[0], changes[0].at, late) is Step.TAKEN
    assert past.take(changes[0], changes[0].at, late) is Step.PASSED
    assert past.take(changes[2], changes[2].at, late) is Step.GAP
    assert past.take(changes[1], changes[1].at, changes[1].at - 1) is Step.BEYOND
    assert past.version == 1


def test_a_still_that_is_none_says_so() -> None:
    records = example_records(CAPTURE)
    whole = Written(records, 1000).stills[-1].data
    assert dict(read_still("site", whole).units())
    for broken in (b"", b"nonsense", whole[:-1], whole[:100], whole + b"x"):
        with pytest.raises(UnreadableStill):
            read_still("site", broken)


def test_a_large_still_lies_in_parts() -> None:
    data = bytes(value * 7919 >> 3 & 255 for value in range(3 * PART_BYTES_MAX))
    noise = b"".join(value.to_bytes(4, "big") for value in (hash((at, "still")) & 0xFFFFFFFF for at in range(400_000)))
    still = Still("site", 7, 8, "IBS", 9, data + noise)
    parts = [decode_still_part(value) for value in encode_still(still)]
    assert len(parts) > 1
    assert join_still(parts) == still
    for wrong in (parts[1:], parts[:-1], [parts[0], *parts], [parts[0]._replace(version=6), *parts[1:]], []):
        assert join_still(wrong) is None
    assert join_still([part._replace(data=b"x") for part in parts]) is None
