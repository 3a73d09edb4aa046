"""A journal's file: as it is, packed by gzip, and what is said of what is no such file."""

import bz2
import gzip
import io
import lzma
import sys
from pathlib import Path

import pytest

from stateserver.replay.journal_file import UnreadableJournal, journal_size, read_lines

TEXT = '{"created_at": 1}\n\n{"created_at": 2, "source": "Örebro"}'
LINES = TEXT.splitlines(keepends=True)


def lines_of(path: str) -> list[str]:
    return [line for line, _ in read_lines(path)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def test_lines_as_they_are_and_their_sizes(file: Path) -> None:
    file.write_text(TEXT, encoding="utf-8")
    assert lines_of(str(file)) == LINES
    assert sum(size for _, size in read_lines(str(file))) == journal_size(str(file)) == len(TEXT.encode())


def test_an_empty_file_has_none(file: Path) -> None:
    file.touch()
    assert lines_of(str(file)) == []


@pytest.mark.parametrize("level", [0, 9])
def test_what_gzip_packed_is_unpacked_on_the_way(file: Path, level: int) -> None:
    file.write_bytes(gzip.compress(TEXT.encode(), level))
    assert lines_of(str(file)) == LINES
    assert journal_size(str(file)) is None


def test_gzip_files_one_behind_the_other_are_one(file: Path) -> None:
    file.write_bytes(b"".join(gzip.compress(line.encode()) for line in LINES))
    assert lines_of(str(file)) == LINES


def test_a_byte_order_mark_is_no_part_of_the_first_line(file: Path) -> None:
    file.write_bytes(gzip.compress(TEXT.encode("utf-8-sig")))
    assert lines_of(str(file)) == LINES


@pytest.mark.parametrize("packed", [gzip.compress(TEXT.encode()), TEXT.encode()], ids=["packed", "plain"])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, packed: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(packed)))
    assert lines_of("-") == LINES
    assert journal_size("-") is None


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        (TEXT.encode("utf-16"), "is UTF-16", "iconv -f UTF-16 -t UTF-8"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "is UTF-16", "iconv"),
        (gzip.compress(TEXT.encode("utf-16")), "is UTF-16", "iconv"),
        ("{}\nÖ\n".encode("utf-16-le"), "line 2 is not UTF-8: it looks like UTF-16", "iconv"),
        (TEXT.encode("latin-1"), "line 3 is not UTF-8", "UTF-8"),
        (bz2.compress(TEXT.encode()), "is packed by bzip2", "bzip2 -dc"),
        (lzma.compress(TEXT.encode()), "is packed by xz", "xz -dc"),
        (b"PK\x03\x04" + b"\0" * 30, "is packed by zip", "unzip -p"),
        (b"\x28\xb5\x2f\xfd" + b"\0" * 30, "is packed by zstd", "zstd -dc"),
        (gzip.compress(TEXT.encode() * 100)[:-20], "damaged, or cut off", "once more"),
        (b"\x1f\x8b\x08\x00" + b"\xff" * 40, "damaged, or cut off", "once more"),
        (b"\x1f\x8b\x00", "damaged, or cut off", "once more"),
    ],
    ids=range(12),
)
def test_what_is_no_journal_is_called_by_its_name(file: Path, content: bytes, message: str, hint: str) -> None:
    file.write_bytes(content)
    with pytest.raises(UnreadableJournal) as trouble:
        lines_of(str(file))
    assert message in trouble.value.message
    assert hint in trouble.value.hint


def test_a_file_that_is_not_there_and_a_folder(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(UnreadableJournal, match=said):
            lines_of(str(path))
        assert journal_size(str(path)) is None
