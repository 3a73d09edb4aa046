"""What each record of `changes` says of itself in its headers: it is a CloudEvent, in Kafka's binary mode.

The value stays what it is. `ce_id` is what an event is known by, `<system>/<version>`, and where its history was begun
anew `<system>/<era>/<version>`; `ce_source` is its system, as a URI reference; `ce_type` its kind.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from stateserver.codec.era import FIRST_ERA, Header, era_headers
from stateserver.codec.fields import Remembered
from stateserver.domain.change import KINDS, Change

SPEC_VERSION: Final[Header] = ("ce_specversion", b"1.0")
ID: Final = "ce_id"
_TYPES: Final[dict[str, Header]] = {kind: ("ce_type", f"stateserver.{kind}".encode()) for kind in KINDS}
_sources: Final = Remembered(lambda system: f"/systems/{quote(system, safe='')}".encode())


def cloud_event_headers(changes: Sequence[Change], era: int = FIRST_ERA) -> list[list[Header]]:
    """The headers of each of one system's events; what they have in common is made once."""
    system = changes[0].system
    name, source = system.encode(), ("ce_source", _sources[system])
    if era:
        name = b"%b/%d" % (name, era)
    own = era_headers(era)
    return [
        [SPEC_VERSION, (ID, b"%b/%d" % (name, change[1])), source, _TYPES[change[3]], *own]  # by place: half the time
        for change in changes
    ]
