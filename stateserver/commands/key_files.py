"""Files of keys and tokens that a command adds to."""

from pathlib import Path
from typing import Any

from stateserver.security.secret_document import SecretTrouble, load_secret_document


def load_keys(path: Path, what: str) -> tuple[dict[str, Any], list[Any]]:
    """The document in the file, and its list of keys, empty where it has none. Raises SecretTrouble."""
    document = load_secret_document(str(path), what)
    keys = document.get("keys", [])
    if not isinstance(keys, list):
        raise SecretTrouble(f"the keys of the {what} at {path} are no list", "Is it the right file?")
    return document, keys
