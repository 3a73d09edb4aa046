"""The latest changes of one system, each encoded once for everybody who will be sent it."""

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from stateserver.domain.change import Change, change_to_json


class LoggedChange(NamedTuple):
    """A change as it goes out, with what a filter looks at."""

    version: int
    kind: str
    unit: str | None
    json: bytes


def logged(change: Change) -> LoggedChange:
    """The change, encoded."""
    # What orjson gives holds on to the kilobytes it was written in, for as long as it lives: a copy doesn't.
    json = bytes(memoryview(orjson.dumps(change_to_json(change))))
    return LoggedChange(change.version, change.kind, change.unit, json)


class ChangeLog:
    """Changes `first` to `last`, without a gap; the oldest go first when there are more than `capacity`."""

    def __init__(self, capacity: int) -> None:
        assert capacity > 0
        self.capacity = capacity
        self.last = 0
        self._entries: list[LoggedChange] = []

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def first(self) -> int:
        """The version of the oldest change held; `last + 1` where there is none."""
        return self.last + 1 - len(self._entries)

    def append(self, entry: LoggedChange) -> None:
        """Add the next change. One that does not follow on the last starts the log anew."""
        assert not self._entries or entry.version > self.last
        if entry.version != self.last + 1:
            self._entries.clear()
        self._entries.append(entry)
        self.last = entry.version
        # Cut in one go and not at each append: a list gives up its head by moving all the rest.
        if len(self._entries) > self.capacity + self.capacity // 4:
            self.keep(self.capacity)

    def get(self, version: int) -> LoggedChange | None:
        """The change of that version, or None where it isn't held."""
        index = version - self.first
        return self._entries[index] if 0 <= index < len(self._entries) else None

    def after(self, version: int, limit: int) -> Sequence[LoggedChange] | None:
        """Up to `limit` changes that follow `version`; None where the first of them isn't held, any more or yet."""
        index = version + 1 - self.first
        if index < 0 or version >= self.last:
            return None
        return self._entries[index : index + limit]

    def keep(self, count: int) -> None:
        """Drop the oldest, so that at most `count` are left."""
        del self._entries[: max(0, len(self._entries) - count)]
