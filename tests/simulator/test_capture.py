"""Captures, read whole before anything is played, and when each frame is due."""

from pathlib import Path

import pytest

from stateserver.protocol.modes import Mode
from stateserver.replay.journal_file import UnreadableJournal
from stateserver.simulator.capture import BadCapture, read_capture, schedule

FIELD = Path(__file__).parents[1] / "data" / "field-2019-07-19" / "journal.jsonl"


def test_the_real_capture() -> None:
    frames = read_capture(str(FIELD), Mode.AXXIS100)
    assert [frame.sequence for frame in frames] == list(range(1, 39))
    played = list(schedule(frames, "site", speed=20))
    assert [one.record for one in played] == frames
    assert (played[0].after_s, round(played[-1].after_s * 20)) == (0, 830)


def test_a_clock_that_steps_back_makes_no_pause_shorter() -> None:
    frames = read_capture(str(FIELD), Mode.AXXIS100)[:3]
    times = [10_000, 5_000, 6_000]
    stepped = [frame._replace(created_at=at) for frame, at in zip(frames, times, strict=True)]
    assert [one.after_s for one in schedule(stepped, "site", speed=2)] == [0, 0, 0.5]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no frames"),
        ("x\n", "line 1: not JSON"),
        (
            '{"created_at": 1, "packet": "aaaa0a08001705c07116"}\n{"created_at": 1, "packet": "zz"}\n',
            "line 2: not pairs",
        ),
        ('{"created_at": 1, "kind": "tick"}\n', "line 1 is no frame"),
    ],
)
def test_a_capture_that_cannot_be_played(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "capture.jsonl"
    file.write_text(content)
    with pytest.raises(BadCapture, match=said):
        read_capture(str(file), Mode.AXXIS100)


def test_a_capture_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableJournal):
        read_capture(str(tmp_path / "none"), Mode.AXXIS100)
