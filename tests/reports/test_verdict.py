"""The document's verdict, in words."""

import copy
from typing import Any

import pytest

from stateserver.domain.blast import FIRED, MISSED, UNREPORTED
from stateserver.reports.document import Report
from stateserver.reports.verdict import Level, explain_how, superseding_blast, verdict_of
from tests.reports.examples import ABORTED, DOUBTFUL, FIELD, NOBODY, OPEN, PERFECT, example_blasts
from tests.reports.folded import MadeUp

BLASTS = example_blasts()


def said_of(made_up: MadeUp) -> tuple[Level, str]:
    verdict = verdict_of(Report.parse(made_up.fold().document))
    return verdict.level, verdict.headline


def changed(name: str, **members: Any) -> Report:
    return Report.parse(BLASTS[name].document | members)


@pytest.mark.parametrize(
    ("name", "level", "headline"),
    [
        (PERFECT, Level.GOOD, "All presumed fired"),
        (FIELD, Level.BAD, "Aborted: 100 misfires"),
        (ABORTED, Level.BAD, "Aborted: 17 misfires"),
        (OPEN, Level.OPEN, "Still open: not a final report"),
        (NOBODY, Level.BAD, "Not all fired"),
        (DOUBTFUL, Level.CAUTION, "Doubtful"),
        ("IBS-64d37958", Level.BAD, "Not all fired: 9 misfires"),
    ],
)
def test_the_examples_verdicts(name: str, level: Level, headline: str) -> None:
    verdict = verdict_of(Report.parse(BLASTS[name].document))
    assert (verdict.level, verdict.headline) == (level, headline)


@pytest.mark.parametrize("name", BLASTS)
def test_it_looks_as_the_document_says_whatever_else_stands_there(name: str) -> None:
    document = BLASTS[name].document
    levels = {"all_fired": Level.GOOD, "doubtful": Level.CAUTION, "not_all_fired": Level.BAD, "aborted": Level.BAD}
    assert verdict_of(Report.parse(document)).level is levels.get(document["verdict"], Level.OPEN)
    if document["verdict"] is not None:
        for verdict, level in levels.items():
            assert verdict_of(changed(name, verdict=verdict)).level is level


@pytest.mark.parametrize("name", BLASTS)
def test_good_is_nothing_that_needs_attention_or_leaves_boosters_live(name: str) -> None:
    report = Report.parse(BLASTS[name].document)
    if report.attention or report.possibly_live or report.detonators.misfires:
        assert verdict_of(report).level is not Level.GOOD


@pytest.mark.parametrize("name", BLASTS)
def test_misfires_are_one_number_with_what_it_is_made_of(name: str) -> None:
    report = Report.parse(BLASTS[name].document)
    told, verdict = report.detonators, verdict_of(report)
    if not told.misfires:
        assert "misfire" not in verdict.headline
        return
    assert verdict.headline.endswith(f": {told.misfires} misfire{'' if told.misfires == 1 else 's'}")
    assert told.misfires == (told.missed or 0) + (told.unreported or 0) + told.silent_before
    for count, words in ((told.missed, "missed"), (told.unreported, "unreported"), (told.silent_before, "silent")):
        assert (f"{count} {words}" in verdict.explanation) is bool(count)


@pytest.mark.parametrize("name", [FIELD, ABORTED])
def test_an_abort_is_told_with_what_it_does_not_prove(name: str) -> None:
    assert "Firing was aborted, which is no proof" in verdict_of(Report.parse(BLASTS[name].document)).explanation


def test_a_blast_that_was_aborted_says_so_while_it_is_open() -> None:
    verdict = verdict_of(changed(OPEN, aborted=BLASTS[OPEN].document["initiated"] + 1, firing_complete=None))
    assert (verdict.level, verdict.headline) == (Level.OPEN, "Aborted, and still open: not a final report")


def test_what_needs_attention_and_who_is_possibly_live_is_named() -> None:
    verdict = verdict_of(Report.parse(BLASTS[DOUBTFUL].document))
    assert "1 booster is possibly live" in verdict.explanation
    assert "To be looked at: answers at the end." in verdict.explanation


@pytest.mark.parametrize("outcome", [MISSED, UNREPORTED, "silent"])
def test_one_detonator_of_many_makes_it_bad(outcome: str) -> None:
    made_up = MadeUp(3, 20, lambda booster, window: outcome if (booster, window) == (1, 7) else FIRED)
    assert said_of(made_up) == (Level.BAD, "Not all fired: 1 misfire")


def test_fired_is_never_said_of_one_without_saying_that_it_is_presumed() -> None:
    for filed in BLASTS.values():
        verdict = verdict_of(Report.parse(filed.document))
        said = f"{verdict.headline} {verdict.explanation}".lower()
        for allowed in ("not all fired", "presumed fired", "no proof that nothing fired", "not marked as fired"):
            said = said.replace(allowed, "")
        assert "fired" not in said


def test_how_it_closed_is_explained() -> None:
    document = copy.deepcopy(BLASTS[FIELD].document)
    assert explain_how(Report.parse(document)) == "Its time was over, 7 minutes after it was initiated."
    for how in ("data_completed", "superseded", None):
        document["how"] = how
        assert explain_how(Report.parse(document)).endswith(".")


def test_the_superseding_blast_is_the_one_that_opened_then() -> None:
    opened = {(filed.document["system"], filed.document["blast"]): filed.document for filed in BLASTS.values()}
    superseded = [filed.document for filed in BLASTS.values() if filed.document["how"] == "superseded"]
    assert len(superseded) > 20
    for document in superseded:
        following = superseding_blast(Report.parse(document))
        assert opened[document["system"], str(following)]["initiated"] == document["closed"]
    assert superseding_blast(Report.parse(BLASTS[PERFECT].document)) is None
