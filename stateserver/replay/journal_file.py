"""A journal's file, line by line: as it is or packed by gzip, and what it is where it is no such file (spec page 4)."""

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final, cast

from stateserver.errors import StateServerError

STANDARD_INPUT: Final = "-"
_GZIP: Final = b"\x1f\x8b"
_PACKERS: Final = {b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_UNPACK: Final = {"zip": "unzip -p", "bzip2": "bzip2 -dc", "xz": "xz -dc", "zstd": "zstd -dc"}
_HEAD_BYTES: Final = max(map(len, _PACKERS))
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
TO_UTF_8: Final = "Give it as UTF-8, as by: iconv -f UTF-16 -t UTF-8 FILE"


class UnreadableJournal(StateServerError):
    """The journal's file can't be read, or isn't UTF-8."""


def read_lines(path: str) -> Iterator[tuple[str, int]]:
    """(line, its size in bytes) of the file, or of standard input where `path` is "-". Raises UnreadableJournal.

    What gzip packed is unpacked on the way.
    """
    try:
        with ExitStack() as stack:
            for number, line in enumerate(_opened(path, stack), 1):
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf-8"), len(line)
                except UnicodeDecodeError as error:
                    raise _not_utf_8(path, number, line, error) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableJournal(
            f"{path}: what gzip packed there is damaged, or cut off ({error})", "Get the file once more."
        ) from error
    except OSError as error:
        raise UnreadableJournal(f"{path}: {error.strerror or error}", "Give the path of a journal file.") from error


def journal_size(path: str) -> int | None:
    """How many bytes `read_lines` will give; None where that isn't known before."""
    file = Path(path)
    if path == STANDARD_INPUT or not file.is_file():
        return None
    try:
        with file.open("rb") as opened:
            return None if opened.read(len(_GZIP)) == _GZIP else file.stat().st_size
    except OSError:
        return None


def _opened(path: str, stack: ExitStack) -> BinaryIO:
    file = _buffered(sys.stdin.buffer if path == STANDARD_INPUT else io.FileIO(path), stack)
    head = file.peek(_HEAD_BYTES)
    if head.startswith(_GZIP):
        file = _buffered(gzip.GzipFile(fileobj=file), stack)
        head = file.peek(_HEAD_BYTES)
    packer = next((name for start, name in _PACKERS.items() if head.startswith(start)), None)
    if packer is not None:
        raise UnreadableJournal(
            f"{path} is packed by {packer}, not lines of text", f"Unpack it: {_UNPACK[packer]} FILE, or use gzip."
        )
    if head.startswith(_UTF_16):
        raise UnreadableJournal(f"{path} is UTF-16, not UTF-8", TO_UTF_8)
    return file


def _buffered(file: io.FileIO | BinaryIO | gzip.GzipFile, stack: ExitStack) -> io.BufferedReader:
    # Whatever can fill a buffer will do: only the types of the standard library want more.
    return stack.enter_context(io.BufferedReader(cast("io.RawIOBase", file)))


def _not_utf_8(path: str, number: int, line: bytes, error: UnicodeDecodeError) -> UnreadableJournal:
    if b"\0" in line:
        return UnreadableJournal(f"{path}: line {number} is not UTF-8: it looks like UTF-16", TO_UTF_8)
    return UnreadableJournal(
        f"{path}: line {number} is not UTF-8 ({error.reason} at byte {error.start})",
        "Give a journal as JSON lines in UTF-8.",
    )
