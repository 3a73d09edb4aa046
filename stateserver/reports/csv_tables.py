"""The four tables of a blast as CSV: its detonators, its boosters, its timeline, and a summary.

Units stand there in words, as a spreadsheet takes a booster's path (3/67) for a month.
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
    Detonator,
    Snapshot,
    check_snapshots,
    read_detonators,
)
from stateserver.reports.document import Report
from stateserver.reports.times import SiteClock
from stateserver.reports.verdict import explain_how, judge
from stateserver.reports.wording import (
    GROUPS,
    HOW,
    IBS_NOUNS,
    OUTCOMES,
    change_words,
    kind_words,
    nouns_of,
    reasons_words,
    unit_words,
)

# (column, field) of what is told before and after; as_of apart, whose values are times.
_DETONATOR_FIELDS: Final = (
    ("answers", "detonator_status"),
    ("tagged", "tagged"),
    ("logged", "logged"),
    ("programmed", "program"),
    ("bridge_wire", "bridge_wire"),
    ("calibration", "calibration"),
    ("booster_fired", "booster_fired"),
    ("delay_ms", "delay"),
    ("uid", "uid"),
)
_IBS_FIELDS: Final = (
    ("answers", "detonator_status"),
    ("dc_supply", "dc_supply"),
    ("key_switch", "key_switch"),
    ("mains", "mains"),
    ("booster_fired", "booster_fired"),
    ("partial_blast", "partial_blast"),
    ("missing_pulse_detected", "missing_pulse_detected"),
    ("serial", "serial"),
)


def write_detonators(report: Report, start: Snapshot, end: Snapshot | None, clock: SiteClock, out: BinaryIO) -> None:
    """One row a detonator that the start or the end of the blast knows, whatever booster it is on."""
    check_snapshots(report, start, end)
    fields = _IBS_FIELDS if nouns_of(report.mode) is IBS_NOUNS else _DETONATOR_FIELDS
    header = ["blast", "system", "mode", "initiated_utc", f"initiated ({clock.name})"]
    header += ["unit", "booster", "booster_serial", "booster_label", "booster_group", "window_id", "label"]
    header += ["outcome", "outcome_in_words"]
    header += [f"{column}_{when}" for column, _ in fields for when in ("before", "after")]
    header += ["last_heard_before_utc", "last_heard_after_utc", "document_sha256"]
    initiated = (clock.iso_utc(report.initiated), clock.iso_site(report.initiated))
    about = (report.blast, report.system, report.mode.value, *initiated)
    labels = {booster.unit: booster.label for booster in report.active}
    labels |= {booster.unit: booster.label for booster in report.others}

    names = [field for _, field in fields]

    def rows() -> Iterator[Row]:
        for one in read_detonators(report, start, end):
            yield (*about, *_place(one, labels), *_told(one, names, clock), report.sha256)

    write_csv(header, rows(), out)


def _place(one: Detonator, labels: dict[str, str | None]) -> tuple[Value, ...]:
    known = one.before or one.after or {}
    serial = int(one.booster.rpartition("/")[2])
    booster = (one.unit, unit_words(one.booster), serial, labels.get(one.booster), GROUPS[one.group])
    return (*booster, one.window_id, known.get("label"), one.outcome, OUTCOMES[one.outcome])


def _told(one: Detonator, fields: list[str], clock: SiteClock) -> list[Value]:
    before, after = one.before or {}, one.after or {}
    told = [fields_then.get(field) for field in fields for fields_then in (before, after)]
    return [*told, _as_of(before, clock), _as_of(after, clock)]


def _as_of(fields: Fields, clock: SiteClock) -> str | None:
    as_of = fields.get("as_of")
    return clock.iso_utc(as_of) if isinstance(as_of, int) else None


def write_boosters(report: Report, out: BinaryIO) -> None:
    """One row a booster, whether it took part or not."""
    header = ["blast", "booster", "booster_serial", "booster_label", "booster_group", "why", "successful"]
    header += [f"{count}_{when}" for when in ("before", "after") for count in _COUNTS]
    header += ["fired", "missed", "unreported", "silent_before", "document_sha256"]
    write_csv(header, _booster_rows(report), out)


_COUNTS: Final = ("detonators", "tagged", "logged", "answering", "programmed")


def _booster_rows(report: Report) -> Iterator[Row]:
    for booster in report.active:
        yield (
            *(
                report.blast,
                unit_words(booster.unit),
                booster.serial,
                booster.label,
                GROUPS[ACTIVE],
                None,
                booster.successful,
            ),
            *(*booster.before, *(booster.after or (None,) * len(_COUNTS))),
            *(booster.fired, *_not_fired(report, booster.count(MISSED), booster.count(UNREPORTED))),
            *(len(booster.silent_before), report.sha256),
        )
    groups = {POSSIBLY_LIVE: report.possibly_live, EXCLUDED: report.excluded, INACTIVE: report.inactive}
    for group, boosters in groups.items():
        for other in boosters:
            why = reasons_words(other.why, nouns_of(report.mode))
            nothing = (None,) * (2 * len(_COUNTS) - 1 + 4)
            yield (
                *(report.blast, unit_words(other.unit), other.serial, other.label, GROUPS[group], why, None),
                *(other.detonators, *nothing, report.sha256),
            )


def _not_fired(report: Report, missed: int, unreported: int) -> tuple[int | None, int | None]:
    return (None, None) if report.closed is None else (missed, unreported)


def write_timeline(report: Report, clock: SiteClock, out: BinaryIO) -> None:
    """One row an event, the detonators' own events included."""
    header = ["blast", "version", "at_utc", f"at ({clock.name})", "ms_since_initiated", "event", "event_in_words"]
    header += ["unit", "what", "source", "sequence", "deadline", "document_sha256"]
    write_csv(header, (_event_row(report, change, clock) for change in report.timeline()), out)


def _event_row(report: Report, change: Change, clock: SiteClock) -> Row:
    return (
        *(report.blast, change.version, clock.iso_utc(change.at), clock.iso_site(change.at)),
        *(change.at - report.initiated, change.kind, kind_words(change.kind)),
        *(unit_words(change.unit), change_words(change, clock), change.source),
        *(change.sequence, change.deadline, report.sha256),
    )


def write_summary(report: Report, clock: SiteClock, out: BinaryIO) -> None:
    """What the report says in all, a row each."""
    write_csv(["about", "what", "value"], _summary_rows(report, clock), out)


def _summary_rows(report: Report, clock: SiteClock) -> Iterator[Row]:
    verdict = judge(report)
    yield "blast", "id", report.blast
    yield "blast", "system", report.system
    yield "blast", "mode", report.mode.value
    yield "blast", "control unit", unit_words(report.control_unit)
    yield "blast", "verdict", verdict.headline
    yield "blast", "verdict explained", verdict.explanation
    yield "blast", "how it closed", report.how
    yield "blast", "how it closed, in words", f"{HOW[report.how]}. {explain_how(report)}"
    for what in ("initiated", "firing_complete", "aborted", "closed"):
        at = getattr(report, what)
        yield "times", f"{what}_utc", None if at is None else clock.iso_utc(at)
        yield "times", f"{what} ({clock.name})", None if at is None else clock.iso_site(at)
    for about, values in (
        ("durations, ms", report.durations),
        ("boosters", report.boosters),
        ("detonators", report.detonators),
        ("frames", report.frames),
    ):
        for what, value in values._asdict().items():
            yield about, what, value
    yield "warnings", "open at the start", len(report.warnings)
    yield "versions", "opened", report.version_opened
    yield "versions", "closed", report.version_closed
    yield "sha256", "document", report.sha256
    yield "sha256", "start snapshot", report.start_sha256
    yield "sha256", "end snapshot", report.end_sha256
