"""Commands that a worker has rejected, as far as this gateway has heard of it: nothing else would tell. Pure."""

from collections import OrderedDict
from typing import Final

from stateserver.codec.packet import Kind, read_packet
from stateserver.codec.rejected import RejectedRow
from stateserver.protocol.reasons import Rejected

KEPT_MAX: Final = 1_000
"""The oldest make way: whoever gave one waits for some seconds."""


class Rejections:
    """Reasons by where the command lies."""

    def __init__(self) -> None:
        self._reasons: OrderedDict[tuple[str, int, int], str] = OrderedDict()

    def note(self, row: RejectedRow) -> None:
        """Take a rejected record; only commands are kept."""
        if _is_command(row.value):
            self._reasons[row.topic, row.partition, row.offset] = row.reason
            while len(self._reasons) > KEPT_MAX:
                self._reasons.popitem(last=False)

    def reason(self, topic: str, partition: int, offset: int) -> str | None:
        """Why the command there was rejected; None where nothing is known of that."""
        return self._reasons.get((topic, partition, offset))


def _is_command(value: bytes | None) -> bool:
    try:
        return value is not None and read_packet(value).kind is Kind.COMMAND
    except Rejected:
        return False
