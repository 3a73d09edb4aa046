"""How much of a list one answer holds, and where the next one goes on."""

from collections.abc import Sequence
from typing import Final, NamedTuple

LIMIT_DEFAULT: Final = 1_000
LIMIT_MAX: Final = 10_000


class Page(NamedTuple):
    """Some of a list's items, and the name of the last of them; None where nothing follows."""

    items: list[int]
    next: str | None


def cut(names: Sequence[str], after: str | None, limit: int) -> Page:
    """The places of up to `limit` items that follow the one named `after`: from the start where none is.

    An item that is gone is no reason to begin anew: raises KeyError, so that it is said.
    """
    first = 0 if after is None else _place(names, after) + 1
    items = list(range(first, min(first + limit, len(names))))
    more = first + limit < len(names)
    return Page(items, names[items[-1]] if more and items else None)


def _place(names: Sequence[str], name: str) -> int:
    try:
        return names.index(name)
    except ValueError:
        raise KeyError(name) from None
