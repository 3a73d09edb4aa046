"""Records of Packet Servers over HTTP and JSON-RPC: each answered, none twice, none of others' systems."""

import base64
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import fastavro
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.broker.process import Broker
from stateserver.domain.records import TickRecord
from stateserver.gateway import packets as packets_module
from stateserver.gateway.packet_bodies import AVRO_SCHEMA, records_of_avro
from stateserver.gateway.parameters import RECORDS_A_CALL_MAX
from stateserver.gateway.refusals import BadRequest
from stateserver.protocol.modes import Mode
from stateserver.stream.topics import ensure_topics
from tests.gateway.chained import at_version, gateway_of
from tests.gateway.serving import Caller, Gateway
from tests.stream.chain import Chain
from tests.stream.journals import CAPTURE, example_records, expected, sealed

CAPTURED = [sealed(record).value or b"" for record in example_records(CAPTURE)]


@pytest.fixture
def chain(broker: Broker, tmp_path: Path) -> Chain:
    return Chain(broker, f"{uuid4().hex[:8]}.", tmp_path)


def avro(records: list[bytes]) -> bytes:
    body = BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema({"type": "array", "items": "bytes"}), records)
    return body.getvalue()


def in_json(records: list[bytes]) -> dict[str, Any]:
    return {"records": [base64.b64encode(record).decode() for record in records]}


async def post(gateway: Gateway, **sent: Any) -> httpx.Response:
    async with gateway.client(gateway.tokens.packet_server) as client:
        return await client.post("/api/v1/packets", **sent)


async def test_records_get_into_the_journal_once_and_in_their_order(chain: Chain) -> None:
    with chain.worker() as worker:
        await worker.ready()
        async with gateway_of(chain) as gateway:
            answer = await post(gateway, json=in_json(CAPTURED[:10]))
            assert answer.status_code == 200, answer.text
            first = answer.json()["records"]
            assert [one["status"] for one in first] == ["appended"] * 10
            content = avro(CAPTURED[5:20] + CAPTURED[19:20])
            answer = await post(gateway, content=content, headers={"content-type": "avro/binary"})
            second = answer.json()["records"]
            assert [one["repeated"] for one in second] == [True] * 5 + [False] * 10 + [True]
            assert [one["offset"] for one in second[:5]] == [one["offset"] for one in first[5:]]
            assert second[15]["offset"] == second[14]["offset"]

            headers = {"authorization": f"Bearer {gateway.tokens.packet_server}"}
            async with gateway.websocket(**headers) as socket:
                answer_3 = await Caller(socket).call("packets.append", **in_json(CAPTURED[20:]))
            third = answer_3["result"]["records"]
            assert {one["status"] for one in third} == {"appended"}

            in_journal = [one.value for one in await chain.read(chain.layout.journals[0])]
            assert in_journal == CAPTURED
            await at_version(gateway, len(expected(CAPTURE, "changes.jsonl")))


async def test_what_cannot_be_a_record_of_theirs_is_refused_by_itself(chain: Chain) -> None:
    await ensure_topics({"bootstrap_servers": [chain.broker.bootstrap]}, chain.layout)
    async with gateway_of(chain) as gateway:
        tick = sealed(TickRecord(1, Mode.AXXIS100)).value or b""
        records = [b"", CAPTURED[0][:-1], CAPTURED[0], tick, bytes(packets_module.RECORD_BYTES_MAX + 1)]
        answer = await post(gateway, json=in_json(records))
        outcomes = [(one["status"], one.get("reason")) for one in answer.json()["records"]]
        assert outcomes == [
            ("refused", "bad_encoding"),
            ("refused", "bad_encoding"),
            ("appended", None),
            ("refused", "kind_not_allowed"),
            ("refused", "too_large"),
        ]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": b"x"}, 415),
        ({"content": b"x", "headers": {"content-type": "text/plain"}}, 415),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"json": []}, 400),
        ({"json": {}}, 400),
        ({"json": {"records": []}}, 400),
        ({"json": {"records": ["%%"]}}, 400),
        ({"json": {"records": [""], "more": 1}}, 400),
        ({"json": {"records": [""] * (RECORDS_A_CALL_MAX + 1)}}, 400),
        ({"content": bytes(2 << 20), "headers": {"content-type": "avro/binary"}}, 413),
        ({"content": b"\x00", "headers": {"content-type": "avro/binary"}}, 400),
        ({"content": b"\x02\x08", "headers": {"content-type": "application/avro"}}, 400),
    ],
)
async def test_a_body_that_is_wrong_is_refused_as_a_whole(gateway: Gateway, sent: dict[str, Any], status: int) -> None:
    answer = await post(gateway, **sent)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_without_its_broker_it_says_so_and_forgets_nothing(gateway: Gateway) -> None:
    for _ in range(2):
        answer = await post(gateway, json=in_json(CAPTURED[:1]))
        assert answer.status_code == 503
        assert answer.headers["retry-after"]


async def test_too_much_at_once_has_to_wait(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packets_module, "UNDER_WAY_BYTES_MAX", 10)
    assert gateway.parts.journal is not None
    gateway.parts.journal.packets._bytes_under_way = 1
    answer = await post(gateway, json=in_json(CAPTURED[:1]))
    assert answer.status_code == 429
    assert answer.headers["retry-after"]


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=20), st.integers(1, 5))
def test_avro_is_read_as_any_library_writes_it(records: list[bytes], block: int) -> None:
    assert records_of_avro(avro(records)) == records


@given(st.binary(max_size=60))
def test_no_bytes_make_more_than_a_refusal(body: bytes) -> None:
    try:
        records = records_of_avro(body)
    except BadRequest:
        return
    assert records
    assert AVRO_SCHEMA
