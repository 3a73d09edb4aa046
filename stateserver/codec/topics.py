"""The topics' names and keys (spec page 4; `history`, `claims` and `heartbeats` are our own).

Every key is UTF-8. `units`: `<system>/<unit path>`. `blasts`: `<blast id>/<what>/<part>`, what being `report`, `start`
or `end`, parts numbered from 1. `heartbeats`: the partition's number in decimal. In all others it is the system id (in
`rejected` the record's own key, whatever it was).
"""

from typing import NamedTuple

# No site needs as much. Without a limit, one record's names could make events too large for the broker.
NAME_BYTES_MAX = 1024


class Topics(NamedTuple):
    """The topics' full names."""

    packets: str
    changes: str
    units: str
    blasts: str
    systems: str
    rejected: str
    history: str
    claims: str
    heartbeats: str

    @classmethod
    def with_prefix(cls, prefix: str) -> "Topics":
        """`prefix` as it stands in front of each name, its dot included: `blasting.`"""
        return cls._make(prefix + name for name in cls._fields)


def name_trouble(name: str) -> str | None:
    """What is wrong with the name of a system, a source or a key; None if nothing is."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "not Unicode: it has a lone surrogate"
    return f"longer than {NAME_BYTES_MAX} bytes" if size > NAME_BYTES_MAX else None


def system_trouble(system: str) -> str | None:
    """What is wrong with a system id; None if nothing is. Any Unicode without `/` is one."""
    if not system:
        return "empty"
    if "/" in system:
        return "a / in it"
    return name_trouble(system)


def system_key(system: str) -> bytes:
    return system.encode()


def unit_key(system: str, path: str) -> bytes:
    return f"{system}/{path}".encode()


def split_unit_key(key: bytes) -> tuple[str, str]:
    """System and unit path: a tombstone has nothing else. Raises ValueError for what is no such key."""
    system, slash, path = key.decode().partition("/")
    if not (system and slash and path):
        raise ValueError(f"{key!r} is no <system>/<unit path>")
    return system, path


def split_blast_key(key: bytes) -> tuple[str, str, int]:
    """Blast id, what and part: a tombstone has nothing else. Raises ValueError for what is no such key."""
    blast, what, part = key.decode().split("/")
    return blast, what, int(part)


def blast_key(blast: str, what: str, part: int) -> bytes:
    return f"{blast}/{what}/{part}".encode()
