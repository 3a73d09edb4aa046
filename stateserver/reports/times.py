"""Times as people write them: in UTC, and in the time zone of the site."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS


class SiteClock:
    """Writes instants, given in ms since 1970, in UTC and in the site's time zone.

    An instant after the year 9999 is written as its number of ms: wrong clocks are reported, not hidden.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self.name = zone.key
        self.is_utc = zone.key in {"UTC", "Etc/UTC"}
        self._zone = zone

    def utc(self, at: int) -> str:
        """`2019-07-19 10:12:15.000`: for people, and what a spreadsheet takes for a time."""
        return _write(at, UTC, _plain)

    def local(self, at: int) -> str:
        """As `utc`, in the site's time zone."""
        return _write(at, self._zone, _plain)

    def site(self, at: int) -> str:
        """In the site's time zone with its offset, `2019-07-19 12:12:15.000 +02:00`; without one where that is UTC."""
        return self.utc(at) if self.is_utc else _write(at, self._zone, _with_offset)

    def offset_minutes(self, at: int) -> int | None:
        """How far the site's clocks were ahead of UTC then; None where nobody can say."""
        moment = _moment(at, self._zone)
        offset = None if moment is None else moment.utcoffset()
        return None if offset is None else int(offset.total_seconds()) // 60

    def stamp(self, at: int) -> str:
        """For the name of a file: `2019-07-19_121215+0200`, in the site's time zone."""
        return _write(at, self._zone, _for_a_name).replace(" ", "")


@lru_cache(maxsize=4096)  # thousands of detonators are heard of at the same instants
def _write(at: int, zone: tzinfo, write: Callable[[datetime], str]) -> str:
    moment = _moment(at, zone)
    return f"{at} ms" if moment is None else write(moment)


def _moment(at: int, zone: tzinfo) -> datetime | None:
    try:
        return (EPOCH + timedelta(milliseconds=at)).astimezone(zone)
    except OverflowError:
        return None


def _plain(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(" ", "milliseconds")


def _with_offset(moment: datetime) -> str:
    plain = _plain(moment)
    return f"{plain} {moment.isoformat(' ', 'milliseconds')[len(plain) :]}"


def _for_a_name(moment: datetime) -> str:
    # Not %Y: it writes the year 1 as 1 on some systems.
    return f"{moment.year:04}-{moment:%m-%d_%H%M%S%z}"


def write_duration(duration: int) -> str:
    """A duration of so many ms, such as `18.560 s`, `6 min 45.696 s` or `2 h 05 min 03.000 s`."""
    sign, rest = ("-" if duration < 0 else ""), abs(duration)
    hours, rest = divmod(rest, HOUR_MS)
    minutes, rest = divmod(rest, MINUTE_MS)
    seconds = f"{rest // 1000:02}.{rest % 1000:03} s"
    if hours:
        return f"{sign}{hours} h {minutes:02} min {seconds}"
    if minutes:
        return f"{sign}{minutes} min {seconds}"
    return f"{sign}{rest // 1000}.{rest % 1000:03} s"
