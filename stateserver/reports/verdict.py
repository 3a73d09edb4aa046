"""Whether a blast was good, in a few words: the first thing that its report says."""

from enum import StrEnum
from typing import NamedTuple

from stateserver.domain.blast import DATA_COMPLETED, SUPERSEDED, TIMER_COMPLETED
from stateserver.protocol.modes import MODES
from stateserver.reports.document import Report
from stateserver.reports.times import MINUTE_MS
from stateserver.reports.wording import Nouns, counted, nouns_of, number


class Level(StrEnum):
    """How good it was. `caution`: all that took part presumed fired, but there is something to be warned of."""

    GOOD = "good"
    CAUTION = "caution"
    BAD = "bad"
    OPEN = "open"


class Verdict(NamedTuple):
    """`headline` in few words, `explanation` in a sentence or two."""

    level: Level
    headline: str
    explanation: str


def judge(report: Report) -> Verdict:
    """The verdict on a blast. Nothing is good that isn't known to be."""
    nouns = nouns_of(report.mode)
    told = report.detonators
    if report.closed is None:
        watched = counted(told.answering_before, nouns.detonator, nouns.detonators)
        return Verdict(
            Level.OPEN,
            "Still open: not a final report",
            f"{watched} answered at the start. What became of them is told when the blast is closed.",
        )
    if told.total == 0:
        nobody = f"No {nouns.booster} was armed, communicating and had {nouns.detonators}: nothing could be watched."
        return Verdict(Level.BAD, f"No {nouns.detonators} in this blast", nobody)
    if told.fired == told.total:
        return _all_fired(report, nouns)
    parts = [f"{number(told.fired)} of {number(told.total)} {nouns.detonators} presumed fired"]
    for count, words in (
        (told.missed, "missed"),
        (told.unreported, "unreported"),
        (told.silent_before, "silent before"),
    ):
        if count:
            parts.append(f"{number(count)} {words}")
    headline = "Not all fired" if told.missed else "Not all known to have fired"
    aborted = "" if report.aborted is None else "Firing was aborted. "
    return Verdict(Level.BAD, headline, f"{aborted}{', '.join(parts)}.")


def _all_fired(report: Report, nouns: Nouns) -> Verdict:
    total = report.detonators.total
    every = f"The one {nouns.detonator}" if total == 1 else f"All {number(total)} {nouns.detonators}"
    sentence = f"{every} of this blast no longer {'answers' if total == 1 else 'answer'}, presumed fired."
    if report.boosters.possibly_live:
        live = counted(report.boosters.possibly_live, nouns.booster, nouns.boosters)
        return Verdict(Level.CAUTION, "All presumed fired, but others may be live", f"{sentence} {live} may be live.")
    if report.aborted is not None:
        return Verdict(Level.CAUTION, "All presumed fired, though aborted", sentence)
    return Verdict(Level.GOOD, "All presumed fired", sentence)


def explain_how(report: Report) -> str:
    """How the blast closed, in a sentence."""
    nouns = nouns_of(report.mode)
    if report.how == DATA_COMPLETED:
        return f"Every {nouns.detonator} that was watched has been heard of."
    if report.how == TIMER_COMPLETED:
        rules = MODES[report.mode]
        minutes = (rules.firing_time_ms + rules.report_time_ms) // MINUTE_MS
        return f"Its time was over, {minutes} minutes after it was initiated."
    if report.how == SUPERSEDED:
        return "Another blast was initiated before everything was known of this one."
    return "The blast is not closed yet."
