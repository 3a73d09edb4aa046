"""Commands through real chains: sealed by the gateway, applied by a worker, answered by what came of them."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from stateserver.broker.process import Broker
from stateserver.codec.system import SystemRow
from stateserver.domain.change import Change
from stateserver.domain.records import FrameRecord
from stateserver.gateway import claim_book
from stateserver.gateway import commands as commands_module
from stateserver.gateway.outcomes import Outcome, Sent, Told, look
from stateserver.gateway.system_model import SystemModel
from stateserver.gateway.wall_clock import now_ms
from stateserver.protocol.encode import encode_frame
from stateserver.protocol.modes import Mode
from stateserver.security.keyring import KeyRing
from stateserver.security.tokens import Role
from stateserver.stream.ports import Row
from tests.gateway.chained import at_version, gateway_of
from tests.gateway.serving import Caller, Gateway, until
from tests.gateway.test_system_model import sample_events
from tests.stream.chain import Chain
from tests.stream.chain import until as until_true
from tests.stream.journals import CAPTURE, OTHER_RING, RING_DOCUMENT, example_records, expected, opened, sealed

INITIATED = 1563531134999
CAPTURED = [sealed(record) for record in example_records(CAPTURE)]
LABEL = {"action": "label_unit", "unit": "3/158", "label": "North wall"}


@pytest.fixture
def chain(broker: Broker, tmp_path: Path) -> Chain:
    return Chain(broker, f"{uuid4().hex[:8]}.", tmp_path)


async def send(gateway: Gateway, body: dict[str, Any], status: int = 200, system: str = "site") -> Any:
    async with gateway.client(gateway.tokens.by_role[Role.OPERATOR]) as client:
        answer = await client.post(f"/api/v1/systems/{system}/commands", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def change_at(gateway: Gateway, version: int) -> Any:
    async with gateway.client() as client:
        answer = await client.get(f"/api/v1/systems/site/changes?after={version - 1}&limit=1")
    return answer.json()["changes"][0]


async def test_commands_are_answered_by_what_the_worker_made_of_them(chain: Chain) -> None:
    earth_leak = encode_frame(8, 23, bytes.fromhex("0508"))
    leaking = FrameRecord(1563531999000, Mode.AXXIS100, "leak", 1, earth_leak)
    with chain.worker() as worker:
        await worker.ready()
        await chain.produce([*CAPTURED, sealed(leaking)])
        async with gateway_of(chain) as gateway:
            await until(lambda: "site" in gateway.parts.reading.systems)
            await until(lambda: len(gateway.parts.reading.systems["site"].warnings) == 1)
            await at_version(gateway, 1)

            labelled = await send(gateway, LABEL | {"note": "as painted"})
            assert (labelled["outcome"], labelled["unit"]) == ("applied", "3/158")
            event = await change_at(gateway, labelled["version"])
            assert (event["kind"], event["after"], event["details"]) == (
                "unit_labelled",
                {"label": "North wall"},
                {"actor": "any-operator"},
            )
            assert (event["at"], event["source"]) == (labelled["created_at"], None)
            (record,) = [
                one
                for one in await chain.read(chain.layout.journals[0])
                if one.offset == labelled["offset"] and one.key == b"site"
            ]
            system, sent = opened(record)
            assert (system, sent.mode, sent.created_at) == ("site", "AXXIS100", labelled["created_at"])
            assert (await send(gateway, LABEL))["outcome"] == "unchanged"

            acknowledge = {"action": "acknowledge_warning", "unit": "0/23", "field": "earth_leakage", "id": "one"}
            first = await send(gateway, acknowledge)
            assert first["outcome"] == "applied"
            assert (await change_at(gateway, first["version"]))["kind"] == "warning_acknowledged"
            assert await send(gateway, acknowledge) == first
            refused = await send(gateway, LABEL | {"id": "one"}, 409)
            assert refused["type"] == "urn:stateserver:problem:id-reused"

            refused = await send(gateway, LABEL | {"unit": "3/999"}, 409)
            assert (refused["type"], refused["why"]) == ("urn:stateserver:problem:command-refused", "unknown_unit")
            assert (await change_at(gateway, refused["version"]))["kind"] == "command_refused"
            refused = await send(gateway, acknowledge | {"unit": "3/158", "id": "two"}, 409)
            assert refused["why"] == "no_open_warning"

            async with gateway.websocket(authorization=f"Bearer {gateway.tokens.by_role[Role.OPERATOR]}") as socket:
                caller = Caller(socket)
                answer = await caller.call("units.label", system="site", unit="3/158", label="")
                assert answer["result"]["outcome"] == "applied"
                answer = await caller.call("warnings.acknowledge", system="site", unit="0/23", field="mains")
                assert answer["error"]["data"]["why"] == "no_open_warning"


async def test_units_are_retired_and_nothing_is_during_a_blast(chain: Chain) -> None:
    begun = next(at for at, record in enumerate(example_records(CAPTURE), 1) if record.created_at >= INITIATED)
    with chain.worker() as worker:
        await worker.ready()
        await chain.produce(CAPTURED[:begun])
        async with gateway_of(chain) as gateway:
            await until(lambda: "site" in gateway.parts.reading.systems)
            await until(lambda: bool(gateway.parts.reading.blasts.of_system("site")))
            await at_version(gateway, 1)
            retire = {"action": "retire_unit", "unit": "3/158", "note": "blown up"}
            refused = await send(gateway, retire, 409)
            assert (refused["why"], refused["detail"]) == (
                "blast_open",
                "the command could not be carried out: nothing is retired while a blast is open",
            )
            await chain.produce(CAPTURED[begun:])
            await at_version(gateway, len(expected(CAPTURE, "changes.jsonl")) + 1)
            await until(lambda: gateway.parts.reading.blasts.of_system("site")[0].stage == "closed")
            system = await one_system(gateway)
            refused = await send(gateway, retire | {"unit": "0/23"}, 409)
            assert refused["why"] == "not_retirable"
            retired = await send(gateway, retire)
            assert retired["outcome"] == "applied"
            event = await change_at(gateway, retired["version"])
            assert (event["kind"], event["unit"], event["details"]) == (
                "unit_retired",
                "3/158",
                {"count": 100, "actor": "any-operator", "note": "blown up"},
            )
            assert (await one_system(gateway))["units"] == system["units"] - 101
            assert (await send(gateway, retire, 409))["why"] == "unknown_unit"
            async with gateway.websocket(authorization=f"Bearer {gateway.tokens.by_role[Role.OPERATOR]}") as socket:
                answer = await Caller(socket).call("units.retire", system="site", unit="3/115")
                assert answer["result"]["outcome"] == "applied"
            assert (await one_system(gateway))["units"] == system["units"] - 102
        # Their rows are gone too.
        async with gateway_of(chain) as gateway:
            await at_version(gateway, retired["version"])
            assert list(gateway.parts.reading.systems["site"].units) == ["0/23"]


async def one_system(gateway: Gateway) -> Any:
    async with gateway.client() as client:
        return (await client.get("/api/v1/systems/site")).json()


async def test_old_and_repeated_commands_do_nothing_and_that_is_said(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_off_ms = 0
    with chain.worker() as worker:
        await worker.ready()
        await chain.produce(CAPTURED)
        async with gateway_of(chain) as gateway:
            await at_version(gateway, len(expected(CAPTURE, "changes.jsonl")))
            assert gateway.parts.journal is not None
            monkeypatch.setattr(gateway.parts.journal.commands, "_now_ms", lambda: now_ms() + clock_off_ms)

            clock_off_ms = -61_000
            refused = await send(gateway, LABEL, 409)
            assert (refused["why"], refused["hint"][:13]) == ("too_old", "give it again")
            # What was created after it was appended was created then; it is known all the same.
            clock_off_ms = 3_600_000
            applied = await send(gateway, LABEL)
            assert applied["outcome"] == "applied"
            assert (await change_at(gateway, applied["version"]))["at"] <= applied["created_at"]
            clock_off_ms = 0

            await send(gateway, LABEL | {"label": "South wall", "id": "once"})
            journal = chain.layout.journals[0]
            (recorded,) = [one for one in await chain.read(journal) if one.offset == applied["offset"]]
            await chain.produce([Row(recorded.key, recorded.value)])
            moved = await send(gateway, LABEL | {"label": "West wall"})
            assert (await change_at(gateway, moved["version"]))["before"] == {"label": "South wall"}

            # Long after its day, an id that the worker still knows.
            monkeypatch.setattr(claim_book, "VALID_MS", -1)
            refused = await send(gateway, LABEL | {"label": "East wall", "id": "once"}, 409)
            assert (refused["type"], "passed over" in refused["detail"]) == (
                "urn:stateserver:problem:id-reused",
                True,
            )
            assert (await one_system(gateway))["version"] == moved["version"]


async def test_a_command_that_the_worker_rejects_is_answered_with_its_reason(chain: Chain) -> None:
    stranger = KeyRing.from_document(
        {
            "keys": [{**RING_DOCUMENT["keys"][0], "id": "stranger"}],
            "current": {"COMMAND": "stranger"},
        }
    )
    with chain.worker() as worker:
        await worker.ready()
        await chain.produce(CAPTURED)
        async with gateway_of(chain, stranger) as gateway:
            await at_version(gateway, len(expected(CAPTURE, "changes.jsonl")))
            for body in (LABEL, LABEL | {"id": "one"}, LABEL | {"id": "one"}):
                refused = await send(gateway, body, 502)
                assert refused["type"] == "urn:stateserver:problem:command-lost"
                assert refused["detail"].endswith(": unknown_key")


async def test_without_a_worker_a_command_waits_in_the_journal(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands_module, "OUTCOME_LIMIT_S", 0.5)
    with chain.worker() as worker:
        await worker.ready()
        await chain.produce(CAPTURED)
        async with gateway_of(chain) as gateway:
            await at_version(gateway, 1)
            worker.kill()
            pending = await send(gateway, LABEL | {"id": "one"}, 202)
            assert (pending["outcome"], pending["version"]) == ("pending", None)
            assert (await send(gateway, LABEL | {"id": "one"}, 202))["offset"] == pending["offset"]
            monkeypatch.setattr(commands_module, "OUTCOME_LIMIT_S", 5.0)
            async with gateway.client(gateway.tokens.by_role[Role.OPERATOR]) as client:
                answers: list[Any] = []

                async def answered() -> bool:
                    answer = await client.post("/api/v1/systems/site/commands", json=LABEL | {"id": "one"})
                    answers.append(answer.json())
                    return answer.status_code == 200

                with chain.worker():
                    await until_true(answered)
            assert answers[-1]["outcome"] == "applied"
            assert {answer["offset"] for answer in answers} == {pending["offset"]}


async def test_forwarded_systems_and_gateways_without_a_key_take_no_commands(chain: Chain) -> None:
    with chain.worker() as worker:
        await worker.ready()
        async with AIOKafkaProducer(bootstrap_servers=chain.broker.bootstrap) as producer:
            for row in CAPTURED[:5]:
                via = [("via", b"edge")]
                await producer.send_and_wait(chain.layout.journals[0], row.value, key=row.key, headers=via)
        async with gateway_of(chain) as gateway:
            await at_version(gateway, 1)
            assert (await send(gateway, LABEL, 409))["type"] == "urn:stateserver:problem:not-at-home"
        for ring in (None, OTHER_RING):
            async with gateway_of(chain, ring) as gateway:
                await at_version(gateway, 1)
                refused = await send(gateway, LABEL, 501)
                assert refused["type"] == "urn:stateserver:problem:commands-off"
                assert "COMMAND" in refused["hint"]
                async with gateway.client() as client:
                    assert (await client.get("/api/v1/systems/site")).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"action": "fire", "unit": "0/23"},
        LABEL | {"label": "x" * 81},
        LABEL | {"actor": "somebody else"},
        LABEL | {"unit": 3},
        LABEL | {"label": None},
        LABEL | {"id": ""},
        {"action": "acknowledge_warning", "unit": "3/158"},
    ],
)
async def test_a_body_that_is_wrong_is_refused(told: Gateway, wrong: dict[str, Any]) -> None:
    refused = await send(told, wrong, 400)
    assert refused["type"] == "urn:stateserver:problem:bad-request"


async def test_who_may_not_command_and_where_nothing_is_known(told: Gateway) -> None:
    async with told.client() as client:
        answer = await client.post("/api/v1/systems/site/commands", json=LABEL)
    assert answer.status_code == 403
    assert (await send(told, LABEL, 501))["type"] == "urn:stateserver:problem:commands-off"
    assert (await send(told, LABEL, 404, system="nowhere"))["type"] == "urn:stateserver:problem:unknown-system"


def sent(**given: Any) -> Sent:
    return Sent("label_unit", "3/1", None, "North", "any-operator", 9, 0, 5, after=1)._replace(**given)


def labelled(version: int, **given: Any) -> Change:
    by = {"actor": "any-operator"}
    event = Change("site", version, 9, "unit_labelled", "3/1", {}, {"label": "North"}, None, None, False, dict(by))
    return event._replace(**given)


REFUSED = {"action": "label_unit", "why": "unknown_unit", "actor": "any-operator"}


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (labelled(2), Outcome.APPLIED),
        (labelled(2, at=8), Outcome.PENDING),
        (labelled(2, at=10), Outcome.PENDING),
        (labelled(2, details={"actor": "another"}), Outcome.PENDING),
        (labelled(2, after={"label": "South"}), Outcome.PENDING),
        (labelled(2, kind="command_refused", after={}, details=REFUSED), Outcome.REFUSED),
    ],
)
def test_an_outcome_is_known_by_actor_time_and_what_it_was_about(event: Change, outcome: Outcome) -> None:
    model = SystemModel("site")
    model.fold(sample_events()[0])
    assert look(sent(), model) == Told(Outcome.PENDING)
    model.fold(event)
    assert look(sent(), model).outcome is outcome


@pytest.mark.parametrize(("label", "outcome"), [("North", Outcome.UNCHANGED), ("South", Outcome.PENDING)])
def test_nothing_is_said_to_be_lost_whose_event_may_be_kept_no_more(label: str, outcome: Outcome) -> None:
    row = SystemRow("site", 3, 7, None, 0, 5, None, {}, {}, {}, bytes(16), 0, 1)
    model = SystemModel("site")
    for event in (
        sample_events()[0],
        labelled(2, after={"label": label}, details={"actor": "another"}),
        labelled(3, after={"label": label}, details={"actor": "another"}),
    ):
        model.fold(event)
    model.refresh(row)
    model.log.keep(1)
    assert look(sent(), model).outcome is outcome
    assert look(sent(after=2), model).outcome is (outcome if outcome is Outcome.UNCHANGED else Outcome.LOST)


UNCHANGED = Told(Outcome.UNCHANGED, 2)
RETIRED = labelled(2, kind="unit_retired", after={}, details={"count": 0, "actor": "any-operator"})
ROW = SystemRow("site", 2, 7, None, 0, 5, None, {}, {}, {}, bytes(16), 0, 1)


@pytest.mark.parametrize(
    ("given", "event", "told"),
    [
        # Kafka's clock is behind the gateway's: the event has its time.
        ({}, labelled(2, at=8), Told(Outcome.APPLIED, 2)),
        ({}, labelled(2, at=10), Told(Outcome.UNCHANGED, 2)),
        # Somebody else did it, or undid it.
        ({}, labelled(2, details={"actor": "another"}), Told(Outcome.UNCHANGED, 2)),
        ({}, labelled(2, before={"label": "North"}, after={"label": None}, details={"actor": "another"}), UNCHANGED),
        ({}, labelled(2, after={"label": "South"}, details={"actor": "another"}), Told(Outcome.LOST, 2)),
        ({"action": "retire_unit", "label": None}, labelled(2), Told(Outcome.LOST, 2)),
        ({"action": "retire_unit", "label": None}, RETIRED, Told(Outcome.APPLIED, 2)),
        ({"action": "retire_unit", "label": None, "actor": "another"}, RETIRED, UNCHANGED),
    ],
)
def test_what_came_of_it_once_the_worker_is_past_it(given: dict[str, Any], event: Change, told: Told) -> None:
    model = SystemModel("site")
    for one in (sample_events()[0], event):
        model.fold(one)
    model.refresh(ROW)
    assert look(sent(**given), model) == told
