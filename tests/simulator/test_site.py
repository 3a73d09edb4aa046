"""Simulated sites: what they say is sound, and the core makes whole blasts of it."""

from collections import Counter
from itertools import islice

import pytest

from stateserver.domain.records import FrameRecord
from stateserver.protocol.frame import parse
from stateserver.protocol.modes import MODES, Mode
from stateserver.protocol.reasons import Rejected
from stateserver.replay.folding import Folding
from stateserver.simulator.line import carry
from stateserver.simulator.site import Site, SiteOptions

START = 1_700_000_000_000


def records(mode: Mode, count: int, *, trouble: float = 0.0, seed: int = 1, blast_every: int = 3) -> list[FrameRecord]:
    options = SiteOptions(mode, boosters=2, detonators=12, round_ms=5_000, blast_every_rounds=blast_every, faults=0.3)
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
