import hashlib
import json
import random
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.codec import blast as codec
from stateserver.codec.blast import (
    PART_BYTES_MAX,
    BlastAssembler,
    BlastDocument,
    BlastPart,
    BrokenBlast,
    decode_blast_part,
    encode_blast,
    join_document,
    open_document,
    split_document,
)
from stateserver.codec.schemas import UnreadableValue
from stateserver.domain.blast import BlastStage
from stateserver.domain.canonical import canonical_json
from tests.codec.reference import reference_decode

DATA = Path(__file__).parents[1] / "data" / "field-2019-07-19"
REPORT = json.loads((DATA / "blasts.jsonl").read_text(encoding="utf-8").splitlines()[0])
BLAST = REPORT["blast"]
START = (DATA / "snapshots" / f"{BLAST}.start.jsonl").read_bytes()
LARGE = random.Random(7).randbytes(3 * PART_BYTES_MAX)
DOCUMENT = BlastDocument(BLAST, "site", 215, "opened", "start", LARGE)


def read_bit_by_bit(parts: list[BlastPart]) -> bytes:
    with open_document(parts) as opened:
        return b"".join(iter(lambda: opened.read(1000), b""))


def broken(parts: list[BlastPart]) -> str:
    with pytest.raises(BrokenBlast) as caught:
        join_document(parts)
    with pytest.raises(BrokenBlast):
        read_bit_by_bit(parts)
    return caught.value.message


def test_a_stage_with_a_snapshot_writes_it_before_the_report_that_names_its_hash() -> None:
    stage = BlastStage(BLAST, 215, "opened", REPORT, START)
    records = encode_blast("site", stage)
    assert [key for key, _ in records] == [f"{BLAST}/start/1".encode(), f"{BLAST}/report/1".encode()]
    assembler = BlastAssembler()
    documents = [join_document(assembler.add(decode_blast_part(value)) or ()) for _, value in records]
    assert documents == [
        BlastDocument(BLAST, "site", 215, "opened", "start", START),
        BlastDocument(BLAST, "site", 215, "opened", "report", canonical_json(REPORT)),
    ]
    assert hashlib.sha256(START).hexdigest() == REPORT["snapshots"]["start"]


def test_the_closing_stage_writes_the_end_snapshot_and_others_the_report_alone() -> None:
    closed = encode_blast("site", BlastStage(BLAST, 300, "closed", REPORT, START))
    assert [decode_blast_part(value).what for _, value in closed] == ["end", "report"]
    aborted = encode_blast("site", BlastStage(BLAST, 250, "firing_aborted", REPORT, None))
    assert [decode_blast_part(value).what for _, value in aborted] == ["report"]


def test_a_report_is_written_with_sorted_keys_no_spaces_and_in_utf_8() -> None:
    assert canonical_json({"b": [1, None], "a": "å"}) == '{"a":"å","b":[1,null]}'.encode()


@given(st.binary(max_size=2000), st.sampled_from([1, 7, 100]), st.randoms())
def test_parts_in_any_order_make_the_document(content: bytes, part_bytes: int, order: random.Random) -> None:
    document = DOCUMENT._replace(content=content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "PART_BYTES_MAX", part_bytes)
        parts = split_document(document)
    assert all(len(part.data) <= part_bytes for part in parts)
    order.shuffle(parts)
    assert join_document(parts) == document
    assert read_bit_by_bit(parts) == content


def test_a_large_document_is_cut_into_parts_that_a_broker_takes() -> None:
    parts = split_document(DOCUMENT)
    assert [part.part for part in parts] == [1, 2, 3, 4]
    assert {part.parts for part in parts} == {4}
    assert all(len(part.data) <= PART_BYTES_MAX for part in parts)
    stage = BlastStage(BLAST, 215, "opened", REPORT, LARGE)
    assert all(len(value) < PART_BYTES_MAX + 300 for _, value in encode_blast("site", stage))


def test_a_part_is_what_avro_reads() -> None:
    _, value = encode_blast("site", BlastStage(BLAST, 250, "firing_aborted", REPORT, None))[0]
    part = decode_blast_part(value)
    assert BlastPart(**reference_decode("blast", value)) == part
    for length in range(0, len(value), 7):
        with pytest.raises(UnreadableValue):
            decode_blast_part(value[:length])


def test_what_lacks_a_part_or_has_one_of_another_document_is_no_document() -> None:
    parts = split_document(DOCUMENT)
    assert "no part" in broken([])
    assert "3 of 4" in broken(parts[:-1])
    assert "part 2" in broken([parts[0], *parts[2:]])
    assert "part 2" in broken([parts[0], *parts])
    for other in (
        {"blast": "another"},
        {"system": "another"},
        {"version": 216},
        {"stage": "closed"},
        {"what": "end"},
        {"parts": 5},
        {"encoding": "other"},
    ):
        assert "different documents" in broken([parts[0], parts[1]._replace(**other), *parts[2:]])


def test_what_is_damaged_is_no_document() -> None:
    part = split_document(DOCUMENT._replace(content=b"as it was"))[0]
    assert "is broken" in broken([part._replace(data=b"\0" + part.data[1:])])
    assert "cut" in broken([part._replace(data=part.data[:-1])])
    assert "cut" in broken([part._replace(data=part.data + b"\0")])
    assert "unknown encoding" in broken([part._replace(encoding="other")])


def test_a_part_that_would_eat_the_memory_is_no_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "DOCUMENT_BYTES_MAX", 1000)
    part = split_document(DOCUMENT._replace(content=b"small"))[0]
    assert join_document([part._replace(data=zlib.compress(bytes(1000)))]).content == bytes(1000)
    assert "larger" in broken([part._replace(data=zlib.compress(bytes(1001)))])


class TestAssembler:
    def test_a_document_is_there_with_its_last_part(self) -> None:
        assembler = BlastAssembler()
        *first, last = split_document(DOCUMENT)
        assert [assembler.add(part) for part in first] == [None] * len(first)
        assert join_document(assembler.add(last) or ()) == DOCUMENT

    def test_a_newer_version_drops_what_waited_and_an_older_one_is_dropped(self) -> None:
        older = split_document(DOCUMENT)
        newer = split_document(DOCUMENT._replace(version=216, stage="closed"))
        assembler = BlastAssembler()
        for part in (older[0], newer[0], older[1], *newer[1:-1]):
            assert assembler.add(part) is None
        assert join_document(assembler.add(newer[-1]) or ()) == DOCUMENT._replace(version=216, stage="closed")

    def test_a_repeated_part_does_no_harm(self) -> None:
        assembler = BlastAssembler()
        parts = split_document(DOCUMENT)
        assert [assembler.add(part) for part in (parts[0], parts[0], *parts[1:])][-1] == parts

    def test_documents_of_one_blast_do_not_mix(self) -> None:
        assembler = BlastAssembler()
        start, end = split_document(DOCUMENT), split_document(DOCUMENT._replace(what="end"))
        found = [assembler.add(part) for pair in zip(start, end, strict=True) for part in pair]
        assert [complete for complete in found if complete] == [start, end]
