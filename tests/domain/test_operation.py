"""The control unit's operation, and the blasts that follow from it (spec page 2)."""

import pytest

from stateserver.protocol.modes import MODES, Mode
from tests.domain.mine import BEGINNING, SECOND, Mine, kinds_of

MODES_OF_BOOSTERS = [mode for mode in Mode if mode is not Mode.IBS]


def operations(mine: Mine) -> list[object]:
    return [change.after["operation"] for change in mine.told("operation_changed")]


def test_arm_press_and_the_key_back_is_a_firing_that_was_complete() -> None:
    mine = Mine().charged().fires()
    assert operations(mine) == ["armed", "firing", "firing_complete"]
    assert mine.document["firing_complete"] == BEGINNING + 18 * SECOND


def test_a_button_that_is_held_until_the_bit_firing_goes_back_has_fired() -> None:
    mine = Mine().charged().arms()
    mine.presses(firing=1)
    mine.wait(SECOND).send(mine.status(1, 1, 1))
    assert kinds_of(mine.wait(120 * SECOND).send(mine.status(1, 1, 0)))[:1] != []
    assert operations(mine) == ["armed", "firing", "firing_complete"]


def test_a_refused_press_that_is_held_is_no_firing_that_ended() -> None:
    mine = Mine().charged().arms()
    mine.presses(firing=0)
    mine.send(mine.status(1, 1, 0))
    assert operations(mine) == ["armed", "firing"]


def test_a_button_still_held_after_the_firing_is_no_new_press() -> None:
    mine = Mine().charged().arms()
    mine.presses(firing=1)
    for _ in range(3):
        mine.wait(SECOND).send(mine.status(1, 1, 0))
    assert operations(mine) == ["armed", "firing", "firing_complete"]
    mine.send(mine.status(1, 0))
    mine.wait(SECOND).send(mine.status(1, 1, 0))
    assert operations(mine)[-1] == "firing"


def test_a_button_still_held_that_fires_again_is_a_new_firing() -> None:
    mine = Mine().charged().arms()
    mine.presses(firing=1)
    mine.wait(SECOND).send(mine.status(1, 1, 0))
    mine.wait(SECOND).send(mine.status(1, 1, 1))
    assert operations(mine)[-1] == "firing"
    assert mine.kinds.count("blast_opened") == 2
    assert mine.told("blast_closed")[0].details["how"] == "superseded"


def test_a_second_press_that_the_control_unit_refuses_is_told_as_a_repeat() -> None:
    mine = Mine().charged().arms()
    mine.presses(firing=1)
    mine.wait(SECOND).send(mine.status(1, 0, 0))
    mine.wait(SECOND).send(mine.status(1, 1, 0))
    assert "fire_button_repeated" in mine.kinds
    assert mine.kinds.count("blast_opened") == 1


def test_a_press_after_an_abort_supersedes_the_blast() -> None:
    mine = Mine().charged().arms()
    mine.presses()
    mine.send(mine.status(0, 1))
    mine.send(mine.status(0, 0))
    mine.wait(SECOND).send(mine.status(1, 1, 1))
    assert mine.told("blast_closed")[0].details["how"] == "superseded"
    assert mine.stages[2].report["verdict"] == "aborted"


def test_a_press_when_the_firing_time_is_over_begins_another_blast() -> None:
    mine = Mine().charged().arms()
    mine.presses(firing=1)
    mine.send(mine.status(1, 0, 1))
    mine.wait(MODES[mine.mode].firing_time_ms).send(mine.status(1, 1, 1))
    assert mine.kinds.count("blast_opened") == 2


def test_the_same_bytes_twice_may_be_two_steps() -> None:
    mine = Mine().charged().arms()
    mine.presses()
    mine.send(mine.status(0, 0))
    mine.send(mine.status(0, 0))
    assert operations(mine)[-2:] == ["firing_aborted", "disarmed"]


@pytest.mark.parametrize("mode", MODES_OF_BOOSTERS)
def test_a_control_unit_lists_boosters_in_every_mode_but_ibs(mode: Mode) -> None:
    mine = Mine(mode)
    mine.send(mine.say(1, 23, None, [{"serial": 7}, {"serial": 9}]))
    assert [mine.unit(path)["communication_status"] for path in ("3/7", "3/9")] == [False, False]
    assert mine.unit("0/23")["children"] == 2


def test_in_ibs_a_control_unit_lists_section_controllers() -> None:
    mine = Mine(Mode.IBS)
    mine.send(mine.say(1, 23, None, [{"serial": 7}]))
    assert mine.unit("1/7")["communication_status"] is False


@pytest.mark.parametrize(("mode", "count"), [(Mode.HYDRA, 500), (Mode.AXXIS500, 500), (Mode.AXXIS100, 0xF4)])
def test_the_500_series_counts_children_beyond_a_byte(mode: Mode, count: int) -> None:
    mine = Mine(mode)
    mine.send(bytes.fromhex("aaaa0c050004f401192902cc"))
    assert mine.unit("3/4")["child_count"] == count


def test_the_same_head_says_something_else_in_another_mode() -> None:
    mine = Mine(Mode.AXXIS100)
    mine.send(bytes.fromhex("aaaa0c050004f401192902cc"))
    mine.mode = Mode.HYDRA
    mine.send(bytes.fromhex("aaaa0c050004f401192902cc"))
    assert mine.unit("3/4")["child_count"] == 500


def test_new_bits_are_kept() -> None:
    mine = Mine().charged({1: 0xF3}, detonator_error=1)
    mine.send(mine.status(1, 0, 1, resetting=1))
    assert mine.unit("3/67")["detonator_error"] is True
    assert mine.unit("3/67/4/1")["energy_storing"] is True
    assert (mine.unit("0/23")["firing"], mine.unit("0/23")["resetting"]) == (True, True)
