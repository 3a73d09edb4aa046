"""The key ring: which key may seal which kinds of record, for which systems (spec page 4).

    {"keys": [{"id": "ps-1", "key": "<base64, 32 bytes>", "uses": ["FRAME"], "systems": ["*"]}],
     "current": {"TICK": "worker-1", "COMMAND": "gateway-1"}}

`current` names the keys to seal with; a ring that only reads needs none. A retired key stays in the ring for as
long as records that it sealed are to be read. Key material is held by the cipher objects alone.
"""

import base64
import binascii
import os
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stateserver.codec.packet import Kind
from stateserver.codec.topics import name_trouble, system_trouble
from stateserver.security.secret_document import SecretTrouble, load_secret_document, refuse_unknown_members

KEY_BYTES = 32
EVERY_SYSTEM = "*"


class KeyRingTrouble(SecretTrouble):
    """A key ring that cannot be used, or that lacks the key that is needed."""


class Key:
    """One key: its cipher, and what it may seal. `systems` is None where that is every system."""

    __slots__ = ("cipher", "id", "systems", "uses")

    def __init__(self, key_id: str, secret: bytes, uses: frozenset[Kind], systems: frozenset[str] | None) -> None:
        self.id = key_id
        self.cipher = AESGCM(secret)
        self.uses = uses
        self.systems = systems

    def may_seal(self, kind: Kind, system: str) -> bool:
        """Whether a record of that kind and system may be sealed with it."""
        return kind in self.uses and (self.systems is None or system in self.systems)

    def __repr__(self) -> str:
        systems = [EVERY_SYSTEM] if self.systems is None else sorted(self.systems)
        return f"Key(id={self.id!r}, uses={sorted(self.uses)}, systems={systems})"


class KeyRing:
    """Keys by id, and the ones to seal with."""

    __slots__ = ("_current", "_keys")

    def __init__(self, keys: Mapping[str, Key], current: Mapping[Kind, str]) -> None:
        self._keys = dict(keys)
        self._current = {kind: self._keys[key_id] for kind, key_id in current.items()}

    @classmethod
    def load(cls, text_or_path: str) -> "KeyRing":
        """A ring from its JSON, or from a file of mode 0600. Raises SecretTrouble."""
        return cls.from_document(load_secret_document(text_or_path, "key ring"))

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "KeyRing":
        """A ring from its parsed JSON. Raises SecretTrouble."""
        refuse_unknown_members(document, frozenset({"keys", "current"}), "the key ring")
        entries = document.get("keys")
        if not isinstance(entries, list) or not entries:
            raise KeyRingTrouble("the key ring has no keys", "Make one: stateserver keys new")
        keys: dict[str, Key] = {}
        for number, entry in enumerate(entries, start=1):
            key = _read_key(entry, number)
            if key.id in keys:
                raise KeyRingTrouble(f"the key ring has two keys {key.id!r}", "Give each key its own id.")
            keys[key.id] = key
        return cls(keys, _read_current(document.get("current", {}), keys))

    def become(self, other: "KeyRing") -> None:
        """Be what `other` is from now on, for all who hold this ring."""
        keys, current = other._keys, other._current  # noqa: SLF001 - of its own class
        self._keys, self._current = keys, current

    def current_ids(self) -> dict[Kind, str]:
        """The ids of the keys to seal with."""
        return {kind: key.id for kind, key in self._current.items()}

    def find(self, key_id: str) -> Key | None:
        return self._keys.get(key_id)

    def key(self, key_id: str) -> Key:
        """The key of that id. Raises KeyRingTrouble where there is none."""
        key = self._keys.get(key_id)
        if key is None:
            raise KeyRingTrouble(f"the key ring has no key {key_id!r}", "See: stateserver keys list")
        return key

    def all_keys(self) -> list[Key]:
        return list(self._keys.values())

    def has_current(self, kind: Kind) -> bool:
        return kind in self._current

    def current(self, kind: Kind) -> Key:
        """The key to seal records of that kind with. Raises KeyRingTrouble where the ring names none."""
        key = self._current.get(kind)
        if key is None:
            raise KeyRingTrouble(
                f"the key ring has no current key for {kind}",
                f'Name one: "current": {{"{kind}": "<id of a key whose uses hold {kind}>"}}.',
            )
        return key

    def __repr__(self) -> str:
        current = {str(kind): key_id for kind, key_id in self.current_ids().items()}
        return f"KeyRing(keys={list(self._keys)}, current={current})"


def new_key_document(key_id: str, uses: Iterable[Kind], systems: list[str]) -> dict[str, Any]:
    """The entry of a key that nobody has seen yet, as a ring's document holds it."""
    encoded = base64.b64encode(os.urandom(KEY_BYTES)).decode()
    return {"id": key_id, "key": encoded, "uses": [str(use) for use in uses], "systems": systems}


def _read_key(entry: object, number: int) -> Key:
    where = f"key {number} of the key ring"
    if not isinstance(entry, dict):
        raise KeyRingTrouble(f"{where} is no JSON object", "See: stateserver keys new --help")
    refuse_unknown_members(entry, frozenset({"id", "key", "uses", "systems"}), where)
    key_id = entry.get("id")
    if not isinstance(key_id, str) or not key_id or name_trouble(key_id):
        raise KeyRingTrouble(f"{where} has no usable id", "An id is a text of up to 1024 bytes.")
    where = f"key {key_id!r} of the key ring"
    return Key(key_id, _read_secret(entry, where), _read_uses(entry, where), _read_systems(entry, where))


def _read_secret(entry: dict[str, Any], where: str) -> bytes:
    encoded = entry.get("key")
    try:
        secret = base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else b""
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise KeyRingTrouble(f"{where}: its key is not base64 of {KEY_BYTES} bytes", "Make one: stateserver keys new")
    return secret


def _read_uses(entry: dict[str, Any], where: str) -> frozenset[Kind]:
    names = _list_of_strings(entry.get("uses"), f"{where}: its uses")
    try:
        return frozenset(Kind(name) for name in names)
    except ValueError:
        raise KeyRingTrouble(f"{where} has a use that is none", f"Uses are {', '.join(Kind)}.") from None


def _read_systems(entry: dict[str, Any], where: str) -> frozenset[str] | None:
    return read_systems(_list_of_strings(entry.get("systems"), f"{where}: its systems"), where)


def read_systems(names: list[str], where: str) -> frozenset[str] | None:
    """The systems that a list binds its bearer to; None for every one (`*`). Raises KeyRingTrouble."""
    for name in names:
        trouble = system_trouble(name)
        if trouble is not None:
            raise KeyRingTrouble(
                f"{where} names a system that cannot be: it is {trouble}",
                "A system's id is any text without a slash, or * for all.",
            )
    return None if EVERY_SYSTEM in names else frozenset(names)


def _list_of_strings(value: object, what: str) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise KeyRingTrouble(f"{what} are not a list of one text or more", 'Such as ["FRAME"] and ["*"].')
    return value


def _read_current(current: object, keys: Mapping[str, Key]) -> dict[Kind, str]:
    if not isinstance(current, dict):
        raise KeyRingTrouble('"current" of the key ring is no JSON object', 'Such as {"TICK": "worker-1"}.')
    chosen: dict[Kind, str] = {}
    for name, key_id in current.items():
        if name not in set(Kind):
            raise KeyRingTrouble(f'"current" of the key ring names {name!r}', f"Kinds are {', '.join(Kind)}.")
        key = keys.get(key_id) if isinstance(key_id, str) else None
        if key is None:
            raise KeyRingTrouble(f"the current key for {name} is not in the key ring", "Name the id of a key.")
        if Kind(name) not in key.uses:
            raise KeyRingTrouble(f"the current key for {name}, {key.id!r}, may not seal it", "Add it to its uses.")
        chosen[Kind(name)] = key.id
    return chosen
