"""How long whoever reads a partition has been behind its end: by what was seen of the end, and of the reader. Pure."""

from collections import deque
from typing import Final, NamedTuple

SEEN_MAX: Final = 300


class _Seen(NamedTuple):
    end: int
    at: float


class Pursuit:
    """Times are of any clock that only goes forward."""

    def __init__(self) -> None:
        self._ahead: deque[_Seen] = deque()
        self._position = 0

    def ends(self, end: int, at: float) -> None:
        """The partition ended there, when it was asked at that time."""
        if self._ahead and end < self._ahead[-1].end:
            self._ahead.clear()  # another partition, whose offsets begin anew
            self._position = 0
        newest = self._ahead[-1].end if self._ahead else self._position
        if end > newest and len(self._ahead) < SEEN_MAX:
            self._ahead.append(_Seen(end, at))

    def reached(self, position: int) -> None:
        """The reader is done with all before that offset."""
        self._position = position
        while self._ahead and self._ahead[0].end <= position:
            self._ahead.popleft()

    @property
    def behind_since(self) -> float | None:
        """Since when at the latest there is something that it isn't done with; None where there is nothing."""
        return self._ahead[0].at if self._ahead else None
