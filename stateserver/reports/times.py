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
        """`2019-07-19 10:12:15.000`."""
        return _write(at, UTC, _for_people)

    def site(self, at: int) -> str:
        """As `utc`, in the site's time zone."""
        return _write(at, self._zone, _for_people)

    def iso_utc(self, at: int) -> str:
        """`2019-07-19T10:12:15.000Z`."""
        return _write(at, UTC, _iso).replace("+00:00", "Z")

    def iso_site(self, at: int) -> str:
        """`2019-07-19T12:12:15.000+02:00`."""
        return _write(at, self._zone, _iso)


@lru_cache(maxsize=4096)  # thousands of detonators are heard of at the same instants
def _write(at: int, zone: tzinfo, write: Callable[[datetime], str]) -> str:
    try:
        return write((EPOCH + timedelta(milliseconds=at)).astimezone(zone))
    except OverflowError:
        return f"{at} ms"


def _for_people(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(" ", "milliseconds")


def _iso(moment: datetime) -> str:
    return moment.isoformat("T", "milliseconds")


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
