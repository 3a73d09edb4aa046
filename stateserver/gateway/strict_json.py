"""JSON from outside, read strictly: what could be taken in two ways is refused, as is what could not be answered."""

import json
from typing import Any, Final

from stateserver.errors import StateServerError

DEPTH_MAX: Final = 32


class BadJson(StateServerError):
    """The text is no JSON, or not in the way we want it."""


def parse(text: str) -> Any:
    """The value that `text` says. Raises BadJson.

    Beside what is no JSON at all, refused are: a member given twice, NaN and numbers too large for a float, lone
    surrogates (no Unicode), and more than DEPTH_MAX levels.
    """
    try:
        value = json.loads(text, object_pairs_hook=_members, parse_float=_number, parse_constant=_constant)
        _check(value, "\\u" in text)
    except RecursionError:
        raise BadJson(f"the JSON has more than {DEPTH_MAX} levels") from None
    except UnicodeEncodeError:
        raise BadJson("a string holds half a character: a lone surrogate is no Unicode") from None
    except ValueError as error:
        raise BadJson(f"this is no JSON: {error}") from None
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadJson("an object gives a member twice")
    return members


def _number(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise BadJson("a number is too large")
    return number


def _constant(name: str) -> object:
    raise BadJson(f"{name} is no JSON")


def _check(value: Any, escaped: bool, levels: int = DEPTH_MAX) -> None:
    """How deep it is; and, where there are escapes at all, that every string is Unicode."""
    if isinstance(value, dict | list):
        if levels == 0:
            raise BadJson(f"the JSON has more than {DEPTH_MAX} levels")
        for one in value.values() if isinstance(value, dict) else value:
            _check(one, escaped, levels - 1)
        if escaped and isinstance(value, dict):
            "".join(value).encode()
    elif escaped and isinstance(value, str):
        value.encode()
