"""What a report says first: the document's verdict in words. Nothing is judged here (spec page 2, The verdict)."""

from enum import StrEnum
from typing import Final, NamedTuple

from stateserver.domain.blast import DATA_COMPLETED, SUPERSEDED, TIMER_COMPLETED, blast_id
from stateserver.domain.report import ABORTED, ALL_FIRED, DOUBTFUL, NOT_ALL_FIRED
from stateserver.protocol.modes import MODES
from stateserver.reports.document import Report
from stateserver.reports.rows import DetonatorTotals
from stateserver.reports.times import MINUTE_MS
from stateserver.reports.wording import VERDICTS, Nouns, attention_words, counted, nouns_of, number


class Level(StrEnum):
    """How a verdict looks. `caution`: all that were watched presumed fired, but something is to be read first."""

    GOOD = "good"
    CAUTION = "caution"
    BAD = "bad"
    OPEN = "open"


LEVELS: Final = {
    ALL_FIRED: Level.GOOD,
    DOUBTFUL: Level.CAUTION,
    NOT_ALL_FIRED: Level.BAD,
    ABORTED: Level.BAD,
    None: Level.OPEN,
}


class Verdict(NamedTuple):
    """`headline` in few words, `explanation` in a sentence or two."""

    level: Level
    headline: str
    explanation: str


def verdict_of(report: Report) -> Verdict:
    """The document's verdict, in words."""
    nouns = nouns_of(report.mode)
    if report.verdict is None:
        return Verdict(Level.OPEN, *_while_open(report, nouns))
    headline = VERDICTS[report.verdict]
    misfires = report.detonators.misfires
    if misfires:
        headline += f": {counted(misfires, 'misfire', 'misfires')}"
    return Verdict(LEVELS[report.verdict], headline, " ".join(_sentences(report, nouns)))


def _while_open(report: Report, nouns: Nouns) -> tuple[str, str]:
    watched = counted(report.detonators.answering_before, nouns.detonator, nouns.detonators)
    sentence = f"{watched} answered at the start. What became of them is told when the blast is closed."
    if report.aborted is not None and report.firing_complete is None:
        return f"{VERDICTS[ABORTED]}, and still open: not a final report", f"Firing was aborted. {sentence}"
    return "Still open: not a final report", sentence


def _sentences(report: Report, nouns: Nouns) -> list[str]:
    sentences = []
    if report.aborted is not None:
        sentences.append("Firing was aborted, which is no proof that nothing fired.")
    told = report.detonators
    if told.total == 0:
        nobody = f"No {nouns.booster} was armed, communicating and had {nouns.detonators}: nothing could be watched."
        sentences.append(nobody)
    elif told.fired == told.total:
        sentences.append(_every_one(told.total, nouns))
    else:
        sentences.append(f"{number(told.fired)} of {number(told.total)} {nouns.detonators} presumed fired.")
        sentences.append(f"{misfires_words(told)}.")
    if report.boosters.possibly_live:
        live = report.boosters.possibly_live
        is_or_are = "is" if live == 1 else "are"
        sentences.append(f"{counted(live, nouns.booster, nouns.boosters)} {is_or_are} possibly live.")
    if report.attention:
        whats = dict.fromkeys(attention_words(one.what, nouns, one.field).title for one in report.attention)
        sentences.append(f"To be looked at: {'; '.join(whats)}.")
    return sentences


def _every_one(total: int, nouns: Nouns) -> str:
    if total == 1:
        return f"The one {nouns.detonator} of this blast no longer answers, presumed fired."
    return f"All {number(total)} {nouns.detonators} of this blast no longer answer, presumed fired."


def misfires_words(told: DetonatorTotals) -> str:
    """Misfires and what they are made of: `Misfires: 3 missed, 12 silent before`."""
    parts = ((told.missed, "missed"), (told.unreported, "unreported"), (told.silent_before, "silent before"))
    return "Misfires: " + (", ".join(f"{number(count)} {words}" for count, words in parts if count) or "none")


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


def superseding_blast(report: Report) -> str | None:
    """The id of the blast that closed this one by opening; None where none did."""
    # It opened with the very frame that closed this one, and its id follows from that instant.
    if report.how != SUPERSEDED or report.closed is None:
        return None
    return blast_id(report.system, report.closed)
