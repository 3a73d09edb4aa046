"""`--compare` of `stateserver replay --from-topic`: how the live tables differ from what the journal says."""

import json
from collections.abc import Sequence

import click

from stateserver.commands.journal_range import Stretch
from stateserver.errors import StateServerError
from stateserver.replay.comparing import Difference, LiveTables, Said


class CannotCompare(StateServerError):
    """The stretch that is replayed does not lead to what the live tables say."""


def check_comparable(tables: LiveTables, stretches: Sequence[Stretch]) -> None:
    """Raises CannotCompare where these stretches, of one partition, don't lead to what the tables stand for."""
    for stretch in stretches:
        if not tables.cut and stretch.held.end > 0:
            raise CannotCompare(
                f"partition {stretch.place.partition}: there is no checkpoint yet to compare with",
                "start a worker and let it come to its first checkpoint",
            )
        where = f"partition {stretch.place.partition} of {stretch.place.topic}"
        if stretch.start > 0:
            raise CannotCompare(
                f"{where}: the live tables come of all its records, and the replay begins at offset {stretch.start}",
                "compare without --from; where the journal no longer has its beginning, nothing can be compared",
            )
        reach = tables.reach(stretch.place.topic)
        if stretch.end < reach:
            raise CannotCompare(
                f"{where}: the live tables stand for offset {reach}, and the replay ends at offset {stretch.end}",
                "compare without --until",
            )


def show_difference(difference: Difference) -> str:
    """A difference as a line for people, the same each time."""
    what = [f"system {json.dumps(difference.system, ensure_ascii=False)}"]
    if difference.unit is not None:
        what.append(f"unit {difference.unit}")
    if difference.field is None:
        return f"{' '.join(what)}: {'in the live tables alone' if difference.live else 'not in the live tables'}"
    return (
        f"{' '.join(what)} {difference.field}: live {_shown(difference.live)}, replayed {_shown(difference.replayed)}"
    )


def _shown(said: Said) -> str:
    return json.dumps(said, ensure_ascii=False, sort_keys=True)


def print_differences(differences: Sequence[Difference]) -> None:
    """On standard output, a line each."""
    for difference in differences:
        click.echo(show_difference(difference))
