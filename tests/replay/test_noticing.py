"""What is likely wrong with a journal, noticed as it is read."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Rejected
from stateserver.replay.folding import Folding
from stateserver.replay.lines import LineReader
from stateserver.replay.noticing import Noticing

DATA = Path(__file__).parents[1] / "data"
FIELD = (DATA / "field-2019-07-19" / "journal.jsonl").read_text().splitlines()
ARMED = "aaaa0a08001705c07116"


def notes_of(lines: Iterable[str], mode: Mode = Mode.AXXIS100) -> list[str]:
    """What is said of these lines, as `replay` reads them."""
    reader, folding, noticing = LineReader(mode), Folding("site"), Noticing()
    for number, line in enumerate(lines, 1):
        record = None
        try:
            record = reader.read(line)
            if record is not None:
                noticing.applied(number, record, folding.apply(record))
        except Rejected as rejected:
            noticing.rejected(number, line, record, rejected)
    return noticing.notes()


def frame(at: int, packet: str = ARMED, **more: object) -> str:
    return json.dumps({"created_at": at, "packet": packet, **more})


def rewritten(times: float) -> list[str]:
    return [json.dumps({**(said := json.loads(line)), "created_at": int(said["created_at"] * times)}) for line in FIELD]


def test_nothing_is_said_of_what_is_right() -> None:
    assert notes_of(FIELD) == []


@pytest.mark.parametrize(("times", "unit"), [(1 / 1000, "seconds"), (1000, "microseconds")])
def test_another_unit_of_time(times: float, unit: str) -> None:
    (note,) = notes_of(rewritten(times))
    assert note.startswith(f"38 lines, the first of them line 1: `created_at` looks like {unit}.")
    assert "ms since 1970" in note


def test_one_line_with_another_unit_of_time_also_where_its_frame_is_rejected() -> None:
    notes = notes_of([*FIELD, frame(1_563_531_134, "aaaa")])
    assert [note for note in notes if "seconds" in note] == [
        "line 39: `created_at` looks like seconds. Give it in ms since 1970: multiply them by 1000."
    ]


def test_the_mode_that_would_have_read_it() -> None:
    (note,) = notes_of(FIELD, Mode.IBS)
    # The control unit speaks alike in all of them.
    assert note.startswith("in mode AXXIS100 or ")
    assert "38 of the 38 frames would be read, in this one 4" in note
    assert "IBS" not in note


@pytest.mark.parametrize(
    ("example", "given", "wanted"),
    [
        ("HYDRA", Mode.IBS, "HYDRA"),
        ("IBS", Mode.HYDRA, "IBS"),
        ("AXXIS500_WIFI", Mode.AXXIS100, "AXXIS500_WIFI"),
        ("field-2019-08-30", Mode.AXXIS100, "AXXIS100_CFC"),
    ],
)
def test_the_mode_of_the_examples(example: str, given: Mode, wanted: str) -> None:
    notes = notes_of((DATA / example / "journal.jsonl").read_text().splitlines(), given)
    (note,) = (note for note in notes if note.startswith("in mode "))
    assert wanted in note.split(" of the ")[0].split()


@pytest.mark.parametrize("example", ["AXXIS100", "HYDRA", "IBS", "field-2019-08-30"])
def test_frames_that_were_damaged_do_not_make_the_mode_doubtful(example: str) -> None:
    mode = Mode.AXXIS100_CFC if example.startswith("field") else Mode(example)
    notes = notes_of((DATA / example / "journal.jsonl").read_text().splitlines(), mode)
    assert not [note for note in notes if note.startswith("in mode ")]


def test_lines_out_of_order_and_the_worst_of_them() -> None:
    times = [1_000_000_000_000 + at for at in (0, 1_000, 600, 2_000, 500, 3_000)]
    (note,) = (note for note in notes_of(frame(at) for at in times) if "stale" not in note)
    assert note.startswith("out of order: 2 lines, the first of them line 3, by up to 1500 ms (line 5)")


def test_sources_that_come_late_are_not_out_of_order_but_stale() -> None:
    lines = [frame(1_563_531_134_999, source="north"), frame(1_563_531_099_999, source="south")]
    (note,) = notes_of(lines)
    assert note.startswith("stale frames: 1, by up to 35 s (line 2)")


@pytest.mark.parametrize("example", ["AXXIS100", "AXXIS500_WIFI", "HYDRA", "IBS"])
def test_every_stale_frame_of_the_examples_is_counted(example: str) -> None:
    events = [json.loads(line) for line in (DATA / example / "changes.jsonl").read_text().splitlines()]
    late = [event["details"]["as_of"] - event["at"] for event in events if event["kind"] == "stale_frame"]
    notes = notes_of((DATA / example / "journal.jsonl").read_text().splitlines(), Mode(example))
    (note,) = (note for note in notes if note.startswith("stale frames: "))
    assert note.startswith(f"stale frames: {len(late)}, by up to ")


def test_the_newest_line_first() -> None:
    notes = notes_of(reversed(FIELD))
    assert [note for note in notes if "tac" in note]
    assert not [note for note in notes if "out of order:" in note]


def test_mistakes_are_counted_each_with_its_first_line() -> None:
    lines = [*FIELD, *('{"createdAt": 1, "packet": "aa"}',) * 3, frame(1_563_531_999_999, "0xaa")]
    assert notes_of(lines) == [
        "3 lines, the first of them line 39: `createdAt` in place of `created_at`. Rename it to `created_at`.",
        "line 42: hex with 0x before it. Take the 0x out.",
    ]


def test_an_array_over_many_lines_is_one_mistake() -> None:
    lines = ["[", *(f"{line}," for line in FIELD[:-1]), FIELD[-1], "]"]
    notes = notes_of(lines)
    assert len(notes) == 1
    assert "one JSON array" in notes[0]


def test_names_without_number_do_not_fill_the_screen() -> None:
    lines = ['{"%s": 1, "packet": "aa"}' % "".join(("created", "_" * number, "at")) for number in range(2, 40)]  # noqa: UP031
    assert len(notes_of(lines)) == 10


def test_a_file_without_records() -> None:
    assert notes_of(["", "  \n"]) == ["there is no record in it. Give a file with a line for each."]


def test_a_journal_whose_frames_are_all_rejected_though_its_ticks_are_not() -> None:
    notes = notes_of(['{"created_at": 1, "kind": "tick"}', frame(2, "aaaa"), frame(3, "aaaa")])
    assert notes == ["not one of its 2 frames could be read. See rejected.jsonl for the reasons."]
