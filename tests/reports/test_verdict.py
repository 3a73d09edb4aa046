"""Whether a blast was good."""

import copy

import pytest

from stateserver.domain.blast import FIRED, MISSED, UNREPORTED
from stateserver.reports.document import Report
from stateserver.reports.verdict import Level, explain_how, judge
from tests.reports.examples import FIELD, NOBODY, OPEN, PERFECT, example_blasts
from tests.reports.folded import MadeUp

BLASTS = example_blasts()


def verdict_of(made_up: MadeUp) -> tuple[Level, str]:
    verdict = judge(Report.parse(made_up.fold().document))
    return verdict.level, verdict.headline


@pytest.mark.parametrize(
    ("name", "level", "headline"),
    [
        (PERFECT, Level.GOOD, "All presumed fired"),
        (FIELD, Level.BAD, "Not all known to have fired"),
        (OPEN, Level.OPEN, "Still open: not a final report"),
        (NOBODY, Level.BAD, "No detonators in this blast"),
        ("IBS-bad8d417", Level.BAD, "Not all fired"),
        ("IBS-6aca114d", Level.BAD, "No type 1 boosters in this blast"),
    ],
)
def test_the_examples_verdicts(name: str, level: Level, headline: str) -> None:
    verdict = judge(Report.parse(BLASTS[name].document))
    assert (verdict.level, verdict.headline) == (level, headline)


def test_all_fired_is_not_good_while_others_may_be_live() -> None:
    assert verdict_of(MadeUp(2, 3)) == (Level.GOOD, "All presumed fired")
    assert verdict_of(MadeUp(2, 3, idle=1)) == (Level.CAUTION, "All presumed fired, but others may be live")
    assert verdict_of(MadeUp(2, 3, is_aborted=True)) == (Level.CAUTION, "All presumed fired, though aborted")


@pytest.mark.parametrize(
    ("outcome", "headline"),
    [
        (MISSED, "Not all fired"),
        (UNREPORTED, "Not all known to have fired"),
        ("silent", "Not all known to have fired"),
    ],
)
def test_one_detonator_of_many_makes_it_bad(outcome: str, headline: str) -> None:
    made_up = MadeUp(3, 20, lambda booster, window: outcome if (booster, window) == (1, 7) else FIRED)
    assert verdict_of(made_up) == (Level.BAD, headline)


@pytest.mark.parametrize("name", BLASTS)
def test_good_is_only_what_is_known_to_be(name: str) -> None:
    report = Report.parse(BLASTS[name].document)
    told = report.detonators
    is_good = (
        report.closed is not None
        and told.total == told.fired != 0
        and not report.possibly_live
        and report.aborted is None
    )
    assert (judge(report).level is Level.GOOD) == is_good


def test_fired_is_never_said_of_one_without_saying_that_it_is_presumed() -> None:
    for filed in BLASTS.values():
        verdict = judge(Report.parse(filed.document))
        said = f"{verdict.headline} {verdict.explanation}".lower()
        for negative in ("not all fired", "not all known to have fired", "presumed fired"):
            said = said.replace(negative, "")
        assert "fired" not in said


def test_how_it_closed_is_explained() -> None:
    document = copy.deepcopy(BLASTS[FIELD].document)
    assert explain_how(Report.parse(document)) == "Its time was over, 7 minutes after it was initiated."
    for how in ("data_completed", "superseded", None):
        document["how"] = how
        assert explain_how(Report.parse(document)).endswith(".")
