"""Changes as JSON lines, what they have in common encoded once: a replay writes several a packet.

Most say what changed in a unit, by fields that many events share; those are put together from JSON that was made
before. All others are encoded as they are, and tests hold the two to each other.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import orjson

from stateserver.domain.change import UNIT_CHANGED, Change, Fields, SharedFields, change_to_json


def json_line(value: object) -> bytes:
    """A line of a JSON lines file."""
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def change_lines(changes: Sequence[Change]) -> Iterator[bytes]:
    """A line for each of the changes that one record caused."""
    system, _, common_at, _, _, _, _, source, sequence, _, _ = changes[0]
    head = f'{{"system":{_text(system)},"version":'
    middle = f',"at":{common_at},"kind":"{UNIT_CHANGED}","unit":"'
    tail = f',"source":{_text(source)},"sequence":{_number(sequence)},"deadline":false,"details":{{}}}}\n'
    for change in changes:
        _, version, at, kind, unit, before, after, _, _, deadline, details = change
        if kind == UNIT_CHANGED and at == common_at and not deadline and not details and _are_shared(before, after):
            # A unit's path is numbers and slashes: nothing in it is escaped.
            said = f'{head}{version}{middle}{unit}","before":{_shared(before)},"after":{_shared(after)}{tail}'
            yield said.encode()
        else:
            yield json_line(change_to_json(change))


def _are_shared(before: Fields, after: Fields) -> bool:
    return type(before) is SharedFields and type(after) is SharedFields


def _shared(fields: Fields) -> str:
    assert isinstance(fields, SharedFields)
    if fields.as_json is None:
        fields.as_json = orjson.dumps(dict(fields)).decode()
    return fields.as_json


@lru_cache(maxsize=256)
def _text(said: str | None) -> str:
    return orjson.dumps(said).decode()


def _number(said: int | None) -> str:
    return "null" if said is None else str(said)
