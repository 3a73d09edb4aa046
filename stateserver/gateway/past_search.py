"""Finding how a system stood at an instant: the last still before it, and the events from there on.

The stills of a system lie in `history` among those of others, and their system times grow. The last one that is not
past the instant is found by halving, near where Kafka's own times say that it may be. The events that follow it begin
at an offset that it names; but a system may have been quiet for long after it. As the worker takes another still soon
after such a system has new events, they begin a little before that, if there are any: there is looked first, and
versions tell whether that was right.
"""

from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer

from stateserver.codec.change import decode_change, system_time
from stateserver.codec.era import FIRST_ERA
from stateserver.codec.schemas import UnreadableValue
from stateserver.codec.still import Still, StillPart, decode_still_part, join_still
from stateserver.codec.topics import Topics, system_key
from stateserver.domain.change import MODE_CHANGED, Change
from stateserver.domain.rows import OtherRowFormat
from stateserver.domain.still import UnreadableStill
from stateserver.gateway.keyed_reading import KeyedReader
from stateserver.gateway.past_state import Past, Step
from stateserver.gateway.refusals import NotASystemThen, PastGone

NEAR_RECORDS: Final = 64
"""So close to a still, reading on is quicker than halving."""
AROUND_MS: Final = 60 * 60_000
"""A still is first looked for among those that were written so long before and after the instant."""
SPAN: Final = 250_000
"""Within so many events of a partition a system that has new ones has a still: more than twice what is aimed at."""


class Asked(NamedTuple):
    """Whose state, and of when (ms since 1970). `version`, `mode` and `era` are those of the present, as we know it."""

    system: str
    partition: int
    at: int
    version: int
    mode: str | None
    era: int = FIRST_ERA


class Found(NamedTuple):
    """`settled`: nothing that is still to come can change it."""

    past: Past
    settled: bool


class _Nearest(NamedTuple):
    """The last still that is not past an instant, and the next one, of which the first part is enough."""

    still: Still | None
    later: StillPart | None


async def find_past(consumer: AIOKafkaConsumer, topics: Topics, asked: Asked) -> Found:
    """The system as it stood. Raises NotASystemThen, PastGone, and what the consumer raises."""
    key = system_key(asked.system)
    nearest = await _Stills(KeyedReader(consumer, topics.history, asked.partition, key, asked.era), asked).find()
    past, offset = _begun(asked.system, nearest.still)
    later = nearest.later
    settled = later is not None and later.version == past.version > 0
    if not settled and (later is not None or asked.version > past.version):
        events = _Events(KeyedReader(consumer, topics.changes, asked.partition, key, asked.era), asked, past, later)
        settled = await events.fold(offset)
    if past.version == 0 or past.time is None:
        raise NotASystemThen(asked.system, asked.at)
    past.settle()
    return Found(past, settled)


def _begun(system: str, still: Still | None) -> tuple[Past, int]:
    """What to begin with, and the offset from where all events after it are found."""
    if still is not None:
        try:
            return Past(system, still), still.changes_offset
        except (UnreadableStill, OtherRowFormat):
            pass  # of another release: all there ever was tells the same, in more time
    return Past(system), 0


class _Stills:
    """The search in `history`."""

    def __init__(self, reader: KeyedReader, asked: Asked) -> None:
        self._reader = reader
        self._at = asked.at
        self._later: StillPart | None = None

    async def find(self) -> _Nearest:
        await self._reader.open()
        low, high = await self._narrow(self._reader.begin, self._reader.end)
        self._reader.seek(low)
        still: Still | None = None
        parts: list[StillPart] = []
        while records := await self._reader.next(high):
            for part in filter(None, map(_part, records)):
                if not self._is_early(part):
                    return _Nearest(still, part)
                parts = [part] if part.part == 1 else [*parts, part]
                if part.part == part.parts:
                    still = join_still(parts) or still
        return _Nearest(still, self._later)

    async def _narrow(self, begin: int, end: int) -> tuple[int, int]:
        """[start, end): the system's last still that is not past the instant lies in there, if there is one."""
        start, low, high = begin, begin, end
        guesses: list[int] = []
        if high - low > NEAR_RECORDS:
            guesses = [await self._reader.offset_at(self._at + AROUND_MS), await self._reader.offset_at(self._at)]
        while high - low > NEAR_RECORDS:
            middle = guesses.pop() if guesses else (low + high) // 2
            if not low < middle < high:
                continue
            self._reader.seek(middle)
            records = await self._reader.next(high)
            first = next(((one.offset, part) for one in records if (part := _part(one)) is not None), None)
            if first is None:
                high = middle
            elif self._is_early(first[1]):
                # The parts of a still lie one behind the other.
                low, start = first[0], first[0] - first[1].part + 1
            else:
                high, self._later = middle, first[1]
        return start, high

    def _is_early(self, part: StillPart) -> bool:
        return part.time is None or part.time <= self._at


class _Events:
    """The events that follow a still, folded into `past` up to the instant."""

    def __init__(self, reader: KeyedReader, asked: Asked, past: Past, later: StillPart | None) -> None:
        self._reader = reader
        self._asked = asked
        self._past = past
        self._later = later
        self._began_with = past.version
        self._mode_before: str | None = None

    async def fold(self, offset: int) -> bool:
        """Whether the state is settled. All events after it lie at `offset` or behind. Raises PastGone."""
        reader, later = self._reader, self._later
        await reader.open()
        low = max(offset, reader.begin)
        near = (reader.end if later is None else later.changes_offset) - SPAN
        if near > low:
            settled = await self._from(near)
            if settled is not None:
                return settled
        settled = await self._from(low)
        if settled is None:
            raise PastGone(self._asked.system, self._asked.at)
        return settled

    async def _from(self, offset: int) -> bool | None:
        """As `fold`; None where the first event that is wanted does not lie behind that offset."""
        past, later = self._past, self._later
        self._reader.seek(offset)
        while records := await self._reader.next(self._reader.end):
            for record in records:
                change = _change(record)
                if change is None:
                    continue
                step = past.take(change, system_time(change, record.headers), self._asked.at)
                if step is Step.GAP:
                    self._require_nothing_taken()
                    return None
                if step is Step.BEYOND:
                    await self._find_mode(record.offset)
                    return True
                if later is not None and past.version == later.version:
                    await self._find_mode(None)
                    return True
        if past.version < (self._asked.version if later is None else later.version):
            self._require_nothing_taken()
            return None
        await self._find_mode(None)
        return False

    def _require_nothing_taken(self) -> None:
        """Raises PastGone where something lacks among the events: to begin earlier would not help."""
        if self._past.version > self._began_with:
            raise PastGone(self._asked.system, self._asked.at)

    async def _find_mode(self, offset: int | None) -> None:
        """A system's first record sets its mode without an event, so what held is told by the next that changes it.

        Where there is none, it still holds. `offset` is that of the first event to look at, None for none.
        """
        past, later = self._past, self._later
        if past.mode is not None:
            return
        last = self._asked.version if later is None else later.version
        if offset is not None:
            self._reader.seek(offset)
        while offset is not None and (records := await self._reader.next(self._reader.end)):
            changes = [change for change in map(_change, records) if change is not None and change.version <= last]
            told = next((change.before["mode"] for change in changes if change.kind == MODE_CHANGED), None)
            if told is not None:
                past.mode = str(told)
                return
            if not changes or changes[-1].version >= last:
                break
        past.mode = self._asked.mode if later is None else later.mode


def _part(record: Any) -> StillPart | None:
    try:
        return decode_still_part(record.value or b"")
    except UnreadableValue:
        return None


def _change(record: Any) -> Change | None:
    try:
        return decode_change(record.value or b"")
    except UnreadableValue:
        return None  # it shows as a gap
