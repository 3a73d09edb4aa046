"""Which history of a partition a record belongs to.

Where what was told of a partition is withdrawn and told anew from its journal, versions begin at 1 again and say other
things. So all that is told since carries the header `era`: when that began, ms since 1970. The first history of all has
none, and is era 0. Eras grow; what belongs to an earlier one than is known of is withdrawn, and to be passed over.
"""

from collections.abc import Iterable
from typing import Final

ERA: Final = "era"
FIRST_ERA: Final = 0

Header = tuple[str, bytes]


def era_headers(era: int) -> tuple[Header, ...]:
    """The headers of a record of that era."""
    return ((ERA, b"%d" % era),) if era else ()


def era_of(headers: Iterable[tuple[str, bytes | None]]) -> int:
    """The era that a record's headers tell. Raises ValueError for what is none."""
    for name, value in headers:
        if name == ERA:
            return int(value or b"")
    return FIRST_ERA
