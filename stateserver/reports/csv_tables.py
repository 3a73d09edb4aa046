"""The large tables of a blast as CSV: its detonators, its boosters, its timeline.

Every table has the same columns in every kind of system, and the blast's id in every row. Times are written as pandas
and spreadsheets read them, in UTC and in the site's time zone, with how far that was ahead in minutes. Units stand
there in words, as a spreadsheet takes a booster's path (3/67) for a month.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final

from stateserver.domain.blast import MISSED, UNREPORTED
from stateserver.domain.change import Change, Fields, Value
from stateserver.reports.csv_file import Row, write_csv
from stateserver.reports.detonators import (
    ACTIVE,
    EXCLUDED,
    INACTIVE,
    POSSIBLY_LIVE,
    SILENT_BEFORE,
    Detonator,
    Snapshot,
    check_snapshots,
    read_detonators,
    read_labels,
)
from stateserver.reports.document import Report
from stateserver.reports.event_wording import change_words, kind_words
from stateserver.reports.heard import count_heard
from stateserver.reports.rows import ActiveBooster, Counts, OtherBooster
from stateserver.reports.times import SiteClock
from stateserver.reports.wording import (
    GROUPS,
    nouns_of,
    outcome_words,
    reasons_words,
    unit_words,
)

# (column, field) of what is told before and after; as_of apart, whose values are times.
_FIELDS: Final = (
    ("answers", "detonator_status"),
    ("tagged", "tagged"),
    ("logged", "logged"),
    ("programmed", "program"),
    ("bridge_wire", "bridge_wire"),
    ("calibration", "calibration"),
    ("booster_fired", "booster_fired"),
    ("delay_ms", "delay"),
    ("uid", "uid"),
    ("serial", "serial"),
    ("dc_supply", "dc_supply"),
    ("key_switch", "key_switch"),
    ("mains", "mains"),
    ("partial_blast", "partial_blast"),
    ("missing_pulse_detected", "missing_pulse_detected"),
)
MISFIRES: Final = {MISSED, UNREPORTED, SILENT_BEFORE}


def at_columns(name: str) -> list[str]:
    """The columns of an instant, as `at_cells` fills them."""
    return [f"{name}_utc", f"{name}_local", f"{name}_utc_offset_minutes"]


def at_cells(clock: SiteClock, at: int | None) -> tuple[Value, ...]:
    """An instant in UTC, in the site's time zone, and how far that was ahead then."""
    return (None, None, None) if at is None else (clock.utc(at), clock.local(at), clock.offset_minutes(at))


def write_detonators(report: Report, start: Snapshot, end: Snapshot | None, clock: SiteClock, out: BinaryIO) -> None:
    """One row a detonator that the start or the end of the blast knows, whatever booster it is on.

    What stands there of after the blast is only of those that were heard of since firing ended.
    """
    check_snapshots(report, start, end)
    header = ["blast", "system", "mode", *at_columns("initiated"), "time_zone"]
    header += ["unit", "booster", "booster_serial", "booster_label", "booster_group", "window_id", "label"]
    header += ["outcome", "why", "outcome_in_words", "is_misfire", "attention", "heard_after"]
    header += [f"{column}_{when}" for column, _ in _FIELDS for when in ("before", "after")]
    header += ["last_heard_before_utc", "last_heard_after_utc", "document_sha256"]
    initiated = at_cells(clock, report.initiated)
    about = (report.blast, report.system, report.mode.value, *initiated, clock.name)
    labels = {booster.unit: booster.label for booster in report.every_booster()}
    names = [field for _, field in _FIELDS]
    is_closed = report.closed is not None

    def rows() -> Iterator[Row]:
        for one in read_detonators(report, start, end):
            misfire = one.outcome in MISFIRES if is_closed else None
            became = (one.outcome, one.why, outcome_words(one.outcome, one.why), misfire, ", ".join(one.attention))
            yield (*about, *_place(one, labels), *became, one.heard_after, *_told(one, names, clock), report.sha256)

    write_csv(header, rows(), out)


def _place(one: Detonator, labels: dict[str, str | None]) -> tuple[Value, ...]:
    known = one.before or one.after or {}
    serial = int(one.booster.rpartition("/")[2])
    booster = (one.unit, unit_words(one.booster), serial, labels.get(one.booster), GROUPS[one.group])
    return (*booster, one.window_id, known.get("label"))


def _told(one: Detonator, fields: list[str], clock: SiteClock) -> list[Value]:
    before, after = one.before or {}, one.after or {}
    heard = {} if one.heard_after is False else after
    told = [fields_then.get(field) for field in fields for fields_then in (before, heard)]
    return [*told, _as_of(before, clock), _as_of(after, clock)]


def _as_of(fields: Fields, clock: SiteClock) -> str | None:
    as_of = fields.get("as_of")
    return clock.utc(as_of) if isinstance(as_of, int) else None


def write_boosters(report: Report, start: Snapshot, end: Snapshot | None, out: BinaryIO) -> None:
    """One row a booster, whether it took part or not.

    The counts after the blast are of the `heard_after` detonators that were heard of since firing ended.
    """
    check_snapshots(report, start, end)
    header = ["blast", "system", "mode", "booster", "booster_serial", "booster_label", "booster_group", "why"]
    header += ["successful", *(f"{count}_before" for count in Counts._fields)]
    header += ["detonators_after", "heard_after", *(f"{count}_after" for count in _STATES)]
    header += ["fired", "missed", "unreported", "silent_before", "misfires", "attention", "document_sha256"]
    write_csv(header, _booster_rows(report, count_heard(report, start, end)), out)


_STATES: Final = tuple(name for name in Counts._fields if name != "detonators")


def _booster_rows(report: Report, heard: dict[str, Counts]) -> Iterator[Row]:
    about = (report.blast, report.system, report.mode.value)
    attention: dict[str, list[str]] = {}
    for one in report.attention or ():
        attention.setdefault(one.unit, []).append(one.what)
    for booster in report.active:
        told = (*_after(booster, heard), *_outcomes(booster), ", ".join(attention.get(booster.unit, ())))
        name = (unit_words(booster.unit), booster.serial, booster.label, GROUPS[ACTIVE])
        yield (*about, *name, None, booster.successful, *booster.before, *told, report.sha256)
    groups = {POSSIBLY_LIVE: report.possibly_live, EXCLUDED: report.excluded, INACTIVE: report.inactive}
    for group, others in groups.items():
        for other in others:
            why = reasons_words(other.why, nouns_of(report.mode))
            name = (unit_words(other.unit), other.serial, other.label, GROUPS[group])
            before = (other.detonators, *(None for _ in _STATES))
            told = (*_after(other, heard), *(None for _ in range(5)), ", ".join(attention.get(other.unit, ())))
            yield (*about, *name, why, None, *before, *told, report.sha256)


def _after(booster: ActiveBooster | OtherBooster, heard: dict[str, Counts]) -> tuple[int | None, ...]:
    if booster.after is None:
        return (None, None, *(None for _ in _STATES))
    counts = heard.get(booster.unit, Counts(0, 0, 0, 0, 0))
    return (booster.after.detonators, booster.heard_after, *(getattr(counts, name) for name in _STATES))


def _outcomes(booster: ActiveBooster) -> tuple[int | None, ...]:
    silent = len(booster.silent_before)
    if booster.fired is None:
        return (None, None, None, silent, None)
    missed, unreported = booster.count(MISSED), booster.count(UNREPORTED)
    return (booster.fired, missed, unreported, silent, missed + unreported + silent)


def write_timeline(report: Report, start: Snapshot, end: Snapshot | None, clock: SiteClock, out: BinaryIO) -> None:
    """One row an event, the detonators' own events included; labels are as at the start."""
    check_snapshots(report, start, end)
    header = ["blast", "system", "version", *at_columns("at"), "ms_since_initiated", "event", "event_in_words"]
    header += ["unit", "label", "what", "source", "sequence", "deadline", "document_sha256"]
    labels = read_labels(start)
    write_csv(header, (_event_row(report, change, labels, clock) for change in report.timeline()), out)


def _event_row(report: Report, change: Change, labels: dict[str, str], clock: SiteClock) -> Row:
    return (
        *(report.blast, report.system, change.version, *at_cells(clock, change.at)),
        *(change.at - report.initiated, change.kind, kind_words(change.kind)),
        *(unit_words(change.unit), labels.get(change.unit or ""), change_words(change, clock), change.source),
        *(change.sequence, change.deadline, report.sha256),
    )
