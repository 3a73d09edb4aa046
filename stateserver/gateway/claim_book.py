"""Which command a client's own id stands for: the first that was claimed for it within a day. Pure.

All gateways read the same claims in the same order, so they all come to the same.
"""

from collections import OrderedDict
from typing import Final

from stateserver.codec.claim import Claim

VALID_MS: Final = 24 * 3600 * 1000
"""How long a client's own id stands for one command."""
CLAIMS_MAX: Final = 50_000
"""The oldest make way: ids of commands that people gave, a day's worth of them is far less."""


class ClaimBook:
    """Claims by system and id: also a worker knows an id again, whoever gave it."""

    def __init__(self) -> None:
        self._holders: OrderedDict[tuple[str, str], Claim] = OrderedDict()
        self._read: dict[int, int] = {}

    def note(self, claim: Claim, partition: int, offset: int) -> None:
        """Take the next record of `claims`, of that partition."""
        self._read[partition] = offset + 1
        identity = (claim.system, claim.id)
        holder = self._holders.get(identity)
        if holder is None or claim.at > holder.at + VALID_MS:
            self._holders.pop(identity, None)
            self._holders[identity] = claim
            while len(self._holders) > CLAIMS_MAX:
                self._holders.popitem(last=False)
        elif holder.value == claim.value:
            self._holders[identity] = _further(holder, claim)
        elif holder.placed is None and claim.placed is not None and holder.digest == claim.digest:
            self._holders[identity] = claim  # sealed anew, as the one before had become too old to be carried out

    def has_read(self, partition: int, offset: int) -> bool:
        """Whether the record at that offset was taken."""
        return self._read.get(partition, 0) > offset

    def holder(self, claim: Claim) -> Claim | None:
        """The claim that has this one's id."""
        return self._holders.get((claim.system, claim.id))


def _further(one: Claim, other: Claim) -> Claim:
    """What both know of the same command; what was known first stays."""
    known = one if one.placed is not None else one._replace(placed=other.placed)
    if known.outcome is not None:
        return known
    return known._replace(outcome=other.outcome, version=other.version, why=other.why)
