"""Which stretch of each partition of a journal is meant by `--from` and `--until` of `stateserver replay`."""

from collections.abc import Collection
from typing import NamedTuple

from aiokafka import TopicPartition

from stateserver.commands.bounds import Bound
from stateserver.commands.log_reader import Bounds, LogReader
from stateserver.errors import StateServerError


class EmptyRange(StateServerError):
    """`--from` lies behind `--until`, or behind everything."""


class Stretch(NamedTuple):
    """Offsets [start, end) of a partition, of which `held` is what it has."""

    place: TopicPartition
    start: int
    end: int
    held: Bounds


async def stretches_of(
    reader: LogReader, places: Collection[TopicPartition], begin: Bound | None, until: Bound | None
) -> list[Stretch]:
    """What the bounds mean in each partition: what it no longer has, or not yet, is not in it."""
    stretches = []
    for place, held in (await reader.bounds(places)).items():
        start = held.start if begin is None else max(held.start, await _offset(reader, place, begin, held.end))
        end = held.end if until is None else min(held.end, await _offset(reader, place, until, held.end))
        stretches.append(Stretch(place, start, max(start, end), held))
    return stretches


async def _offset(reader: LogReader, place: TopicPartition, bound: Bound, end: int) -> int:
    if not bound.is_time:
        return bound.value
    found = await reader.offset_at(place, bound.value)
    return end if found is None else found


def check_range(stretches: list[Stretch], begin: Bound | None, until: Bound | None) -> None:
    """Raises EmptyRange where these bounds leave nothing, though it was asked for something."""
    if begin is not None and until is not None and begin.is_time == until.is_time and begin.value >= until.value:
        raise EmptyRange(f"--from {begin.text} is not before --until {until.text}", "--until is not in the range")
    if begin is not None and all(stretch.start >= stretch.held.end for stretch in stretches):
        ends = ", ".join(f"{stretch.place.partition}: {stretch.held.end}" for stretch in stretches)
        raise EmptyRange(
            f"there is no record from {begin.text} on: the partitions end at ({ends})",
            "a whole number is an offset, from 10^12 on a time in ms since 1970",
        )
