"""What the first page says must be acted upon."""

from hypothesis import given
from hypothesis import strategies as st

from stateserver.reports.pdf.notices import share_lines, window_ranges


def test_windows_are_told_in_ranges() -> None:
    assert window_ranges([]) == ""
    assert window_ranges([7]) == "7"
    assert window_ranges([1, 2, 3, 5, 7, 8]) == "1-3, 5, 7-8"


@given(st.sets(st.integers(1, 500)))
def test_ranges_hold_these_windows_and_no_other(windows: set[int]) -> None:
    told: set[int] = set()
    for span in window_ranges(sorted(windows)).split(", "):
        first, _, last = span.partition("-")
        if first:
            told |= set(range(int(first), int(last or first) + 1))
    assert told == windows


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.integers(0, 60))
def test_lines_are_shared_fairly(wanted: list[int], lines: int) -> None:
    shares = share_lines(wanted, lines)
    assert all(1 <= share <= most for share, most in zip(shares, wanted, strict=True))
    assert sum(shares) == min(sum(wanted), max(lines, len(wanted)))
    short = [share for share, most in zip(shares, wanted, strict=True) if share < most]
    assert not short or max(shares) - min(short) <= 1
