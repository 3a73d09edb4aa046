"""Simulated sites: what they say is sound, and the core makes whole blasts of it."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice

import pytest

from stateserver.domain.blast import JsonObject
from stateserver.domain.records import FrameRecord
from stateserver.protocol.decode import decode
from stateserver.protocol.frame import parse
from stateserver.protocol.modes import MODES, Mode
from stateserver.protocol.reasons import Rejected
from stateserver.replay.folding import Folding
from stateserver.simulator.line import carry
from stateserver.simulator.site import FIRING_MS, Site, SiteOptions

START = 1_700_000_000_000
TAGGED = 0x04


def records(
    mode: Mode, count: int, *, trouble: float = 0.0, seed: int = 1, blast_every: int = 3, faults: float = 0.3
) -> list[FrameRecord]:
    options = SiteOptions(
        mode, boosters=2, detonators=12, round_ms=5_000, blast_every_rounds=blast_every, faults=faults
    )
    return list(islice(carry(Site(options, seed, START).talk(), mode, trouble, seed), count))


@pytest.mark.parametrize("mode", Mode)
def test_every_command_of_every_mode_is_spoken_and_sound(mode: Mode) -> None:
    spoken = {parse(record.frame, mode).command.number for record in records(mode, 200)}
    # A 500-series booster may list and report its detonators by the older commands too; a site speaks one way.
    assert spoken >= MODES[mode].commands - {4, 5} if 22 in MODES[mode].commands else spoken == MODES[mode].commands


@pytest.mark.parametrize("mode", Mode)
def test_blasts_are_fired_and_told_of(mode: Mode) -> None:
    folding = Folding("site")
    for record in records(mode, 400):
        folding.apply(record)
    closed = [document for document in folding.documents() if document["closed"] is not None]
    assert {document["how"] for document in closed} == {"data_completed"}
    assert all(document["detonators"]["unreported"] == 0 for document in closed)
    assert any(document["detonators"]["fired"] > 0 for document in closed)


def closed_blasts(frames: list[FrameRecord]) -> list[JsonObject]:
    folding = Folding("site")
    for record in frames:
        folding.apply(record)
    return [document for document in folding.documents() if document["closed"] is not None]


@pytest.mark.parametrize("mode", Mode)
def test_where_nothing_is_faulty_all_is_fired_and_nothing_needs_attention(mode: Mode) -> None:
    blasts = closed_blasts(records(mode, 1_000, faults=0))
    complete = [blast for blast in blasts if blast["aborted"] is None]
    assert len(complete) > 3
    assert [(blast["verdict"], blast["attention"]) for blast in complete] == [("all_fired", [])] * len(complete)
    assert {blast["durations"]["firing"] for blast in complete} == {FIRING_MS + 50}
    assert {blast["detonators"]["fired"] for blast in complete} == {24}


def test_where_things_fail_blasts_end_in_every_way() -> None:
    verdicts = {
        blast["verdict"] for seed in range(8) for blast in closed_blasts(records(Mode.AXXIS100, 1_500, seed=seed))
    }
    assert verdicts == {"all_fired", "doubtful", "not_all_fired", "aborted"}


def test_the_control_unit_speaks_as_a_real_one_does() -> None:
    """As in the capture of 2019-08-30: armed, pressed, held until it has fired, let go of, disarmed."""
    bits = [record.frame[7] for record in records(Mode.AXXIS100, 200, faults=0) if record.frame[3] == 8]
    pressed = bits.index(0xE4)
    assert bits[pressed - 1 : pressed + 4] == [0xC0, 0xE4, 0xE0, 0xC0, 0x40]


def flags_of(frames: Iterable[FrameRecord]) -> set[int]:
    """The flags of all detonators that frames 5 tell of."""
    told = (record.frame[10:-2] for record in frames if record.frame[3] == 5)
    return {chunks[at + 1] & ~TAGGED for chunks in told for at in range(0, len(chunks), 4)}


def test_detonators_look_as_real_ones_do() -> None:
    frames = records(Mode.AXXIS100, 200, faults=0)
    pressed = next(number for number, record in enumerate(frames) if record.frame[7] == 0xE4 and record.frame[3] == 8)
    cleared = next(number for number, record in enumerate(frames) if number > pressed and record.frame[3] == 4)
    assert flags_of(frames[:pressed]) == {0x73}
    assert flags_of(frames[pressed:cleared]) == {0x09}


def test_a_500_series_booster_counts_more_than_a_byte_holds() -> None:
    options = SiteOptions(Mode.HYDRA, boosters=1, detonators=500, round_ms=5_000, blast_every_rounds=0, faults=0)
    frames = [parse(said.frame, Mode.HYDRA) for said in islice(Site(options, 1, START).talk(), 100)]
    heads = [decode(one).head for one in frames if one.command.number == 5]
    assert {head["child_count"] for head in heads if head} == {500}


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.IBS])
def test_the_control_unit_names_its_boosters(mode: Mode) -> None:
    folding = Folding("site")
    for record in records(mode, 1):
        folding.apply(record)
    assert [path for path, _ in folding.system.units()] == ["0/23", "3/100", "3/101"]


def test_a_seed_says_the_same_again_and_another_something_else() -> None:
    assert records(Mode.HYDRA, 300, trouble=0.1) == records(Mode.HYDRA, 300, trouble=0.1)
    assert records(Mode.HYDRA, 300, trouble=0.1) != records(Mode.HYDRA, 300, trouble=0.1, seed=2)


def test_a_bad_line_loses_repeats_and_breaks_frames() -> None:
    folding = Folding("site")
    for record in records(Mode.AXXIS100, 600, trouble=0.2):
        try:
            folding.apply(record)
        except Rejected as rejected:
            folding.reject(rejected)
    counters = folding.system.counters
    assert min(counters["missing"], counters["duplicate"], counters["rejected"]) > 0
    assert folding.rejected.total() == counters["rejected"]


@pytest.mark.parametrize("mode", Mode)
def test_the_largest_boosters_fit_into_frames(mode: Mode) -> None:
    options = SiteOptions(mode, boosters=2, detonators=500, round_ms=5_000, blast_every_rounds=1, faults=0.3)
    for said in islice(Site(options, 1, START).talk(), 100):
        parse(said.frame, mode)


def test_hundreds_of_section_controllers_are_listed_in_several_frames() -> None:
    options = SiteOptions(Mode.IBS, boosters=300, detonators=1, round_ms=5_000, blast_every_rounds=1, faults=0.3)
    frames = [parse(said.frame, Mode.IBS) for said in islice(Site(options, 1, START).talk(), 3)]
    assert [len(frame.item_chunks()) for frame in frames] == [123, 123, 54]


def test_no_blasts_where_none_are_wanted() -> None:
    folding = Folding("site")
    for record in records(Mode.AXXIS100, 300, blast_every=0):
        folding.apply(record)
    assert folding.documents() == []
    assert Counter(type(record) for record in records(Mode.AXXIS100, 10)) == Counter({FrameRecord: 10})
