"""What an operator may have done, and what a recorded command does: nothing (spec page 2, Commands)."""

import pytest

from stateserver.domain.checkpoint import restore, take_rows
from stateserver.domain.system import COMMAND_IDS_MAX
from stateserver.protocol.modes import Mode
from tests.domain.mine import BEGINNING, MINUTE, Mine, kinds_of


def test_a_booster_goes_with_all_below_it() -> None:
    mine = Mine().charged(cable_fault=1)
    (told,) = mine.command("retire_unit", unit="3/67", note="flooded")
    assert (told.kind, told.unit) == ("unit_retired", "3/67")
    assert told.details == {"count": 4, "actor": "anna", "note": "flooded"}
    assert list(mine.system.units()) == []
    assert mine.system.warnings == {}


def test_the_control_unit_counts_its_boosters_anew() -> None:
    mine = Mine().charged().arms()
    told = mine.command("retire_unit", unit="3/67")
    assert [(change.unit, change.after) for change in told[1:]] == [
        ("0/23", {"children": 0, "children_communicating": 0, "children_armed": 0})
    ]


def test_heard_again_it_is_a_new_one() -> None:
    mine = Mine().charged()
    mine.command("label_unit", unit="3/67", label="Ort 12")
    mine.command("retire_unit", unit="3/67")
    mine.wait(MINUTE).charged()
    assert mine.unit("3/67")["first_seen"] == BEGINNING + MINUTE
    assert "label" not in mine.unit("3/67")


@pytest.mark.parametrize("unit", ["0/23", "3/67/4/1"])
def test_a_control_unit_and_a_detonator_are_not_retirable(unit: str) -> None:
    mine = Mine().charged().arms()
    (refused,) = mine.command("retire_unit", unit=unit)
    assert (refused.kind, refused.details["why"]) == ("command_refused", "not_retirable")


def test_nothing_is_retired_during_a_blast() -> None:
    mine = Mine().charged().fires()
    (refused,) = mine.command("retire_unit", unit="3/67")
    assert refused.details == {"action": "retire_unit", "why": "blast_open", "actor": "anna"}


def test_a_type_1_booster_is_one_that_can_be_retired() -> None:
    mine = Mine(Mode.IBS)
    mine.send(mine.say(2, 4, None, [{"serial": 71}, {"serial": 72}]))
    (told, counts) = mine.command("retire_unit", unit="1/4/2/1")
    assert (told.kind, told.details["count"]) == ("unit_retired", 0)
    assert (counts.unit, counts.after) == ("1/4", {"children": 1})
    assert mine.system.unit("1/4/2/1") is None


def test_a_command_that_lay_about_is_refused_as_too_old() -> None:
    mine = Mine().charged()
    assert kinds_of(mine.command("label_unit", unit="3/67", label="a", appended_at=60_000)) == ["unit_labelled"]
    (refused,) = mine.command("label_unit", unit="3/67", label="b", appended_at=60_001)
    assert refused.details["why"] == "too_old"


def test_too_old_comes_before_all_other_reasons_and_is_not_judged_as_a_repeat() -> None:
    mine = Mine()
    for _ in range(2):
        (refused,) = mine.command("label_unit", unit="9/9", label="a", id="1", appended_at=MINUTE + 1)
        assert refused.details["why"] == "too_old"
    assert kinds_of(mine.command("label_unit", unit="9/9", label="a", id="1")) == ["command_refused"]


@pytest.mark.parametrize("unit", ["3/67", "9/9"])
def test_a_command_with_the_id_of_an_earlier_one_changes_nothing(unit: str) -> None:
    mine = Mine().charged()
    first = mine.command("label_unit", unit=unit, label="a", id="c-1")
    assert len(first) == 1
    assert mine.command("label_unit", unit=unit, label="b", id="c-1") == []
    assert len(mine.command("label_unit", unit=unit, label="c", id="c-2")) == 1


def test_the_thousand_ids_whose_first_appearance_was_last_are_known() -> None:
    mine = Mine().charged()
    for number in range(COMMAND_IDS_MAX + 1):
        mine.command("label_unit", unit="3/67", label=str(number), id=str(number))
        mine.command("label_unit", unit="3/67", label="again", id="0" if number < COMMAND_IDS_MAX else "1")
    assert mine.unit("3/67")["label"] == str(COMMAND_IDS_MAX)
    assert kinds_of(mine.command("label_unit", unit="3/67", label="again", id="0")) == ["unit_labelled"]


def test_ids_outlive_a_restart() -> None:
    mine = Mine().charged()
    mine.command("label_unit", unit="3/67", label="a", id="c-1")
    rows = {key: row for key, row in take_rows(mine.system).items() if row is not None}
    mine.system = restore("site", rows)
    assert mine.command("label_unit", unit="3/67", label="b", id="c-1") == []


def test_what_is_retired_leaves_no_row_behind() -> None:
    mine = Mine().charged()
    rows = {key: row for key, row in take_rows(mine.system).items() if row is not None}
    mine.command("retire_unit", unit="3/67")
    gone = take_rows(mine.system)
    assert {key for key, row in gone.items() if row is None} == {"3/67", "3/67/w"}
    rows = {key: row for key, row in {**rows, **gone}.items() if row is not None}
    assert list(restore("site", rows).units()) == []
