"""The key ring of a process that runs: taken up anew when its file has changed, or when somebody asks for it.

Nobody may have to stop a worker to let a Packet Server in. A ring that can't be used changes nothing, and is told once.
"""

import asyncio
import logging
from pathlib import Path
from typing import Final

from stateserver.security.keyring import KeyRing
from stateserver.security.secret_document import SecretTrouble, sign_of

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 5.0


class KeyRingFile:
    """`ring` is always the last one that could be used: whoever holds it has it. Raises SecretTrouble at first.

    Given as JSON, and not as a path, a ring never changes.
    """

    def __init__(self, text_or_path: str) -> None:
        self._text_or_path = text_or_path
        self._file = None if text_or_path.lstrip().startswith("{") else Path(text_or_path)
        self._read_as = self._sign()
        self.ring = KeyRing.load(text_or_path)

    def _sign(self) -> tuple[int, int, int] | None:
        return None if self._file is None else sign_of(self._file)

    async def watch(self) -> None:
        """Take up what is put there. Runs as long as the process does."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.look()

    def look(self) -> None:
        """Take the ring up if its file has changed since it was last read."""
        if self._sign() != self._read_as:
            self.reload()

    def reload(self) -> None:
        """Take up what lies there now. What can't be used changes nothing, and is told as an error."""
        self._read_as = self._sign()
        try:
            fresh = KeyRing.load(self._text_or_path)
        except SecretTrouble as trouble:
            log.error("the key ring could not be read anew, the one from before holds: %s", trouble)
            return
        _tell(self.ring, fresh)
        self.ring.become(fresh)


def _tell(before: KeyRing, fresh: KeyRing) -> None:
    held, holds = ({key.id for key in ring.all_keys()} for ring in (before, fresh))
    current = {str(kind): key_id for kind, key_id in fresh.current_ids().items()}
    log.info("the key ring was read anew: new keys %s, current %s", sorted(holds - held), current)
    if held - holds:
        log.warning(
            "keys %s are gone from the key ring: what they sealed is rejected from now on, also where the journal is "
            "read again. A retired key should stay in its ring",
            sorted(held - holds),
        )
