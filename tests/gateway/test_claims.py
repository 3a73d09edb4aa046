"""A client's own id of a command: the first claim counts, in whichever gateway; what died half way is finished."""

import hashlib
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from stateserver.broker.process import Broker
from stateserver.codec.claim import Claim, decode_claim, encode_claim
from stateserver.codec.packet import Kind
from stateserver.codec.topics import system_key
from stateserver.domain.canonical import canonical_json
from stateserver.gateway import claim_book, claim_desk
from stateserver.gateway.claim_book import VALID_MS, ClaimBook
from stateserver.protocol.modes import Mode
from stateserver.security.envelope import seal
from stateserver.security.tokens import Role
from tests.gateway.chained import at_version, gateway_of
from tests.gateway.test_commands import CAPTURED, LABEL, send
from tests.stream.chain import Chain
from tests.stream.journals import RING

CLAIM = Claim("site", "any-operator", "one", b"asked", 1_000, 7, "packets", 3, b"sealed")


def book_of(*claims: Claim) -> ClaimBook:
    book = ClaimBook()
    for offset, claim in enumerate(claims):
        book.note(claim, 2, offset)
    return book


def test_a_claim_is_read_as_it_was_written() -> None:
    for claim in (CLAIM, CLAIM._replace(placed=9, outcome="refused", version=8, why="unknown_unit")):
        assert decode_claim(encode_claim(claim)) == claim


def test_the_first_claim_of_an_id_counts() -> None:
    other = CLAIM._replace(value=b"sealed anew", digest=b"asked otherwise", at=1_001)
    elsewhere = CLAIM._replace(system="mine", value=b"sealed elsewhere")
    book = book_of(CLAIM, other, elsewhere, other._replace(placed=5))
    assert book.holder(other) == CLAIM
    assert book.holder(elsewhere) == elsewhere
    assert book.holder(CLAIM._replace(id="two")) is None


def test_an_id_is_the_systems_whoever_claims_it() -> None:
    assert book_of(CLAIM).holder(CLAIM._replace(actor="somebody else")) == CLAIM


def test_one_sealed_anew_stands_in_the_place_of_one_that_never_came_into_the_journal() -> None:
    anew = CLAIM._replace(value=b"sealed anew", at=70_000)
    assert book_of(CLAIM, anew).holder(CLAIM) == CLAIM
    assert book_of(CLAIM, anew, anew._replace(placed=9)).holder(CLAIM) == anew._replace(placed=9)
    placed = CLAIM._replace(placed=5)
    assert book_of(CLAIM, placed, anew._replace(placed=9)).holder(CLAIM) == placed


def test_what_was_known_first_of_it_stays() -> None:
    book = book_of(
        CLAIM,
        CLAIM._replace(placed=5),
        CLAIM._replace(placed=6),
        CLAIM._replace(outcome="applied", version=9),
        CLAIM._replace(placed=5, outcome="unchanged", version=11),
    )
    assert book.holder(CLAIM) == CLAIM._replace(placed=5, outcome="applied", version=9)


def test_an_id_holds_for_a_day() -> None:
    late = CLAIM._replace(value=b"sealed anew", at=CLAIM.at + VALID_MS)
    later = late._replace(at=late.at + 1)
    assert book_of(CLAIM, late).holder(CLAIM) == CLAIM
    assert book_of(CLAIM, late, later).holder(CLAIM) == later


def test_the_oldest_ids_make_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_book, "CLAIMS_MAX", 2)
    book = book_of(*(CLAIM._replace(id=name) for name in "abc"))
    assert [book.holder(CLAIM._replace(id=name)) is not None for name in "abc"] == [False, True, True]


def test_what_was_read_is_known_by_partition() -> None:
    book = book_of(CLAIM, CLAIM)
    assert [book.has_read(2, 1), book.has_read(2, 2), book.has_read(1, 0)] == [True, False, False]


async def commands_in(chain: Chain) -> list[int]:
    """The offsets of all commands in the journal."""
    captured = {row.value for row in CAPTURED}
    return [one.offset for one in await chain.read(chain.layout.journals[0]) if one.value not in captured]


async def left_behind(chain: Chain, partition: int, body: dict[str, Any], *, placed: bool, age_ms: int = 0) -> Claim:
    """The claim of a gateway that died after it, or after its record was appended and before it said so."""
    command = {**body, "actor": "any-operator"}
    journal, at = chain.layout.journals[0], time.time_ns() // 1_000_000 - age_ms
    document = canonical_json(command)
    value = seal(RING, Kind.COMMAND, "site", "gateway", 0, at, Mode.AXXIS100, document)
    digest = hashlib.sha256(document).digest()
    claim = Claim("site", "any-operator", body["id"], digest, at, 0, journal, 0, value)
    async with AIOKafkaProducer(bootstrap_servers=chain.broker.bootstrap, acks="all") as producer:
        key = system_key("site")
        await producer.send_and_wait(chain.layout.topics.claims, encode_claim(claim), key=key, partition=partition)
        if placed:
            await producer.send_and_wait(journal, value, key=key, partition=partition)
    return claim


async def test_an_id_stands_for_one_command_in_all_gateways(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = Chain(broker, f"{uuid4().hex[:8]}.", tmp_path)
    monkeypatch.setattr(claim_desk, "PLACED_LIMIT_S", 0.2)
    label = LABEL | {"id": "one"}
    with chain.worker() as worker:
        await worker.ready()
        await chain.produce(CAPTURED)
        async with gateway_of(chain) as one, gateway_of(chain) as two:
            await at_version(one, 1)
            await at_version(two, 1)
            first = await send(one, label)
            assert first["outcome"] == "applied"
            await send(one, LABEL | {"label": "South wall"})
            assert await send(two, label) == first
            refused = await send(two, LABEL | {"id": "one", "label": "West wall"}, 409)
            assert refused["type"] == "urn:stateserver:problem:id-reused"
            assert len(await commands_in(chain)) == 2

            for number, placed in enumerate((False, True)):
                lost = LABEL | {"id": f"lost {number}", "label": f"wall {number}"}
                claim = await left_behind(chain, first["partition"], lost, placed=placed)
                answer = await send(two, lost)
                assert (answer["outcome"], answer["created_at"]) == ("applied", claim.at)
                assert len(await commands_in(chain)) == 3 + number
                assert await send(one, lost) == answer
            # One that a worker would find too old is sealed anew.
            late = LABEL | {"id": "late", "label": "late wall"}
            claim = await left_behind(chain, first["partition"], late, placed=False, age_ms=90_000)
            answer = await send(two, late)
            assert (answer["outcome"], answer["created_at"] > claim.at) == ("applied", True)
            assert await send(one, late) == answer
            # Another's is another command, whoever gives it.
            async with one.client(one.tokens.by_role[Role.ADMIN]) as client:
                refused = (await client.post("/api/v1/systems/site/commands", json=late)).json()
            assert refused["type"] == "urn:stateserver:problem:id-reused"
        # One that knows nothing yet but what it reads.
        async with gateway_of(chain) as three:
            await at_version(three, 1)
            assert await send(three, label) == first
            assert len(await commands_in(chain)) == 5
