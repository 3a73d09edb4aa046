"""Keys and a token made for one run, known to nobody else and gone with it."""

import base64
import json
import os
from collections.abc import Mapping
from typing import NamedTuple

from stateserver.codec.packet import Kind
from stateserver.security.keyring import EVERY_SYSTEM, KEY_BYTES, KeyRing
from stateserver.security.tokens import Role, entry_document, new_token
from stateserver.settings import variable

# One key a use: who may tell of frames may not give ticks, nor commands.
_KEY_IDS = {Kind.FRAME: "demo-packet-server", Kind.TICK: "demo-worker", Kind.COMMAND: "demo-gateway"}


class Credentials(NamedTuple):
    """What the processes of one run are let in by. `token` is what people and clients log in with."""

    keyring: str
    tokens: str
    session_secret: str
    token: str

    @property
    def ring(self) -> KeyRing:
        return KeyRing.load(self.keyring)

    def environment(self) -> Mapping[str, str]:
        """The settings that hand them to a process."""
        return {
            variable("keyring"): self.keyring,
            variable("tokens_file"): self.tokens,
            variable("tokens_session_secret"): self.session_secret,
        }


def make_credentials() -> Credentials:
    """Fresh ones, from the system's source of random numbers."""
    token = new_token()
    keys = [
        {"id": key_id, "key": _random_key(), "uses": [kind], "systems": [EVERY_SYSTEM]}
        for kind, key_id in _KEY_IDS.items()
    ]
    entry = entry_document(token, "demo", Role.OPERATOR, [EVERY_SYSTEM], None)
    return Credentials(
        keyring=json.dumps({"keys": keys, "current": _KEY_IDS}),
        tokens=json.dumps({"keys": [entry]}),
        session_secret=_random_key(),
        token=token,
    )


def _random_key() -> str:
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()
