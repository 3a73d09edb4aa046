"""How much of a list one answer holds."""

from typing import Final

LIMIT_DEFAULT: Final = 1_000
LIMIT_MAX: Final = 10_000
