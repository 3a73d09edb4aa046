"""JSON documents that hold secrets: given as text, or as the path of a file that nobody else may read.

No error repeats what such a document, or a text that was meant to be one, says.
"""

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

from stateserver.errors import StateServerError

DOCUMENT_BYTES_MAX = 16 * 1024**2
# Whoever may read must be the owner, and what may be executed is no secret's file.
_FORBIDDEN_MODE = 0o177
# A token of ours or anybody's, or 32 bytes in base64 or hex.
_LIKE_A_KEY = re.compile(r"stsv_.*|eyJ.*|[A-Za-z0-9+_=-][A-Za-z0-9+/_=-]{42,}")


class SecretTrouble(StateServerError):
    """A secret document that is missing, open to others, or not what it should be. Holds none of its text."""


def sign_of(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file does; None where there is none to be seen."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def load_secret_document(text_or_path: str, what: str) -> dict[str, Any]:
    """The JSON object that a text is, or that the file at that path holds. `what` names it in errors.

    Raises SecretTrouble, also for a file whose mode is wider than 0600.
    """
    is_document = text_or_path.lstrip().startswith("{")
    text = text_or_path if is_document else _read_private_file(text_or_path, what)
    try:
        document = json.loads(text, object_pairs_hook=_object_without_repeats)
    except RecursionError:
        raise SecretTrouble(f"the {what} is nested too deep", "It should be a flat document.") from None
    except ValueError as trouble:
        # A decoding error holds the document in its attributes, so it goes no further than its own words.
        reason = trouble.msg if isinstance(trouble, json.JSONDecodeError) else str(trouble)
        raise SecretTrouble(f"the {what} is not JSON: {reason}", "Make it anew, or mend it by hand.") from None
    if not isinstance(document, dict):
        raise SecretTrouble(f"the {what} is no JSON object", "It begins with { and ends with }.")
    return document


def write_private_file(path: Path, text: str) -> None:
    """Makes a new file of mode 0600. Raises SecretTrouble where there is one already, or it cannot be."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SecretTrouble(f"{path} is there already", "Choose another name: no key is overwritten.") from None
    except OSError as trouble:
        raise SecretTrouble(f"cannot write {path}: {trouble.strerror}", "Choose another place.") from trouble
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, 0o600)  # whatever the umask took away
        file.write(text)
        file.flush()
        os.fsync(descriptor)


def replace_private_file(path: Path, text: str) -> None:
    """Puts a new content in place of a file at once: whoever reads it sees the old one or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    write_private_file(beside, text)
    try:
        beside.replace(path)
    except OSError as trouble:
        beside.unlink(missing_ok=True)
        raise SecretTrouble(f"cannot write {path}: {trouble.strerror}", "Choose another place.") from trouble


def refuse_unknown_members(member: dict[str, Any], known: frozenset[str], where: str) -> None:
    """A misspelt member must not silently mean nothing. Raises SecretTrouble."""
    unknown = sorted(set(member) - known)
    if unknown:
        raise SecretTrouble(
            f"{where} has members that mean nothing: {', '.join(unknown)[:200]}",
            f"It may have {', '.join(sorted(known))}.",
        )


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object has a member twice")
    return members


def _read_private_file(path: str, what: str) -> str:
    if not path or len(path) > 4096 or any(sign in path for sign in '"\n\0'):
        raise SecretTrouble(
            f"the {what} is neither a JSON object nor a path", "Give a file's path, or JSON that begins with {."
        )
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as trouble:
        raise SecretTrouble(
            f"cannot read the {what} at {_shown(path)}: {trouble.strerror}", "Check the path and who may read it."
        ) from None  # the error itself says the path again
    try:
        _refuse_unless_private(os.fstat(descriptor).st_mode, f"the {what} at {path}", path)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(DOCUMENT_BYTES_MAX + 1)
    finally:
        os.close(descriptor)
    if len(content) > DOCUMENT_BYTES_MAX:
        raise SecretTrouble(f"the {what} at {path} is larger than {DOCUMENT_BYTES_MAX} bytes", "Is it the right file?")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise SecretTrouble(f"the {what} at {path} is not UTF-8", "Save it as UTF-8.") from None


def _shown(path: str) -> str:
    """The path, but for one that is more likely a token or a key, given where a path belongs."""
    return "(hidden)" if _LIKE_A_KEY.fullmatch(path) else path


def _refuse_unless_private(mode: int, what: str, path: str) -> None:
    if not stat.S_ISREG(mode):
        raise SecretTrouble(f"{what} is no regular file", "Give a file's path.")
    if stat.S_IMODE(mode) & _FORBIDDEN_MODE:
        raise SecretTrouble(
            f"{what} has mode {stat.S_IMODE(mode):04o}, wider than 0600",
            f"chmod 600 {path}, and replace its keys if others could see them.",
        )
