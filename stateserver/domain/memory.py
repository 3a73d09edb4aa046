"""What is remembered of the last blast: those who may yet be heard of (spec page 2, Blasts, Afterwards).

This is how a detonator that everybody takes for fired says that it is live.
"""

from stateserver.domain.applying import Applying
from stateserver.domain.bank import Bank
from stateserver.domain.blast import MISSED, SILENT_BEFORE, Blast, Watched
from stateserver.domain.change import ANSWERS_AFTER_BLAST
from stateserver.domain.paths import is_at_or_below
from stateserver.domain.system import MEMORY_ROW, AnsweredAfterBlast, Remembered, System
from stateserver.domain.unit import Unit


def remember(system: System, blast: Blast) -> None:
    """The blast has closed: its detonators are remembered, but for those that answer, are gone or are others."""
    system.remembered = {}
    for booster, watched in blast.watched.items():
        bank = system.speakers[booster].bank
        assert bank is not None, "who is watched has a window"
        remembered = {} if watched.cleared else _of_booster(bank, watched)
        if remembered:
            system.remembered[booster] = remembered
    system.remembered_blast = blast.id
    system.written_apart.add(MEMORY_ROW)


def _of_booster(bank: Bank, watched: Watched) -> dict[int, Remembered]:
    told = [
        (window, outcome, watched.identities[window]) for window, outcome in watched.outcomes() if outcome != MISSED
    ]
    told += [(window, SILENT_BEFORE, identity) for window, identity in watched.silent.items()]
    return {
        window: Remembered(outcome, identity)
        for window, outcome, identity in sorted(told)
        if window in bank and not _is_another(bank.identity(window), identity)
    }


def _is_another(identity: int | None, at_the_start: int | None) -> bool:
    return identity is not None and at_the_start is not None and identity != at_the_start


def forget_all(system: System) -> None:
    """A blast opens: what was before it is past."""
    if system.remembered or system.answered or system.remembered_blast is not None:
        system.remembered, system.answered, system.remembered_blast = {}, {}, None
        system.written_apart.add(MEMORY_ROW)


def forget_booster(system: System, booster: str) -> None:
    """A booster (a path) has forgotten all its detonators."""
    if system.remembered.pop(booster, None) is not None:
        system.written_apart.add(MEMORY_ROW)


def forget_replaced(system: System, booster: str, window: int, identity: int) -> None:
    """A list says that this detonator is in a window: perhaps another than at the blast's start."""
    remembered = system.remembered.get(booster, {}).get(window)
    if remembered is not None and _is_another(identity, remembered.identity):
        _forget(system, booster, window)


def forget_retired(system: System, path: str) -> None:
    """The unit at `path` is no more, nor is what is below it: nobody need be warned of them any longer."""
    booster, _, window = path.rpartition("/")
    forget_booster(system, path)
    owner = booster.rpartition("/")[0]
    if owner in system.remembered:
        _forget(system, owner, int(window))
    gone = [unit for unit in system.answered if is_at_or_below(unit, path)]
    for unit in gone:
        del system.answered[unit]
        system.written_apart.add(MEMORY_ROW)


def _forget(system: System, booster: str, window: int) -> None:
    remembered = system.remembered[booster]
    if remembered.pop(window, None) is None:
        return
    if not remembered:
        del system.remembered[booster]
    system.written_apart.add(MEMORY_ROW)


def tell_answer(step: Applying, booster: Unit, window: int) -> None:
    """A remembered detonator answers: told once."""
    system, bank = step.system, booster.bank
    assert bank is not None, "who answers has a window"
    assert system.remembered_blast is not None, "there was a blast"
    unit, outcome = bank.path(window), system.remembered[booster.path][window].outcome
    _forget(system, booster.path, window)
    system.answered[unit] = AnsweredAfterBlast(unit, system.remembered_blast, outcome, step.at)
    step.emit(ANSWERS_AFTER_BLAST, unit, details={"blast": system.remembered_blast, "outcome": outcome})
