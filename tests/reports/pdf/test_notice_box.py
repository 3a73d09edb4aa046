"""How the lines of the box to be read are shared."""

from hypothesis import given
from hypothesis import strategies as st

from stateserver.reports.pdf.notice_box import share_lines

wishes = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)).map(sorted), min_size=1, max_size=6)


@given(wishes, st.integers(0, 90))
def test_lines_are_shared_fairly(wished: list[list[int]], lines: int) -> None:
    least, wanted = [few for few, _ in wished], [many for _, many in wished]
    shares = share_lines(wanted, least, lines)
    assert all(few <= share <= many for few, share, many in zip(least, shares, wanted, strict=True))
    assert sum(shares) == min(sum(wanted), max(lines, sum(least)))
    more = [(share - few, share < many) for few, share, many in zip(least, shares, wanted, strict=True)]
    short = [extra for extra, wants in more if wants]
    assert not short or max(extra for extra, _ in more) - min(short) <= 1
