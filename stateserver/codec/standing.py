"""What of a system's state stands in its row in `systems`, beside what counts and measures it."""

from stateserver.codec.system import AnsweredRow, WarningRow
from stateserver.domain.paths import path_key
from stateserver.domain.system import System


def warning_rows(system: System) -> list[WarningRow]:
    """The open warnings, in path order."""
    in_order = sorted(system.warnings.values(), key=lambda one: (path_key(one.unit), one.field))
    return [WarningRow(one.unit, one.field, one.raised, one.acknowledged, one.actor, one.note) for one in in_order]


def answered_rows(system: System) -> list[AnsweredRow]:
    """Who answered after the last closed blast, in path order."""
    return [AnsweredRow(*system.answered[unit]) for unit in sorted(system.answered, key=path_key)]


def clocks_ahead(system: System) -> list[str]:
    """The sources whose clocks are ahead."""
    return sorted(name for name, source in system.sources.items() if source.is_ahead)
