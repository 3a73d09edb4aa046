"""A worker takes up keys while it runs, on real brokers; a ring that is broken changes nothing."""

import json
import signal
from pathlib import Path
from uuid import uuid4

import pytest

from stateserver.broker.process import Broker
from stateserver.codec.rejected import decode_rejected
from stateserver.security.keyring import KeyRing
from stateserver.security.secret_document import replace_private_file
from tests.stream.chain import Chain, until_equal, values
from tests.stream.journals import CAPTURE, RING_DOCUMENT, example_records, sealed

pytestmark = pytest.mark.slow

# Of no use but here: 32 bytes of one letter, in base64.
NEW_KEY = {"id": "new", "key": "enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6eno=", "uses": ["FRAME"], "systems": ["*"]}
GROWN = {**RING_DOCUMENT, "keys": [*RING_DOCUMENT["keys"], NEW_KEY]}
NEW_RING = KeyRing.from_document({"keys": [NEW_KEY], "current": {"FRAME": "new"}})
RECORDS = example_records(CAPTURE)[:4]


@pytest.fixture
def chain(broker: Broker, tmp_path: Path) -> Chain:
    return Chain(broker, f"{uuid4().hex[:8]}.", tmp_path)


async def reasons(chain: Chain) -> list[str]:
    """Why records were rejected, so far."""
    return [decode_rejected(value).reason for value in values(await chain.read(chain.layout.topics.rejected))]


async def test_a_packet_server_is_let_in_without_a_restart(chain: Chain) -> None:
    with chain.worker() as worker:
        await worker.ready()
        ring = chain.folder / "ring.json"
        await chain.produce([sealed(RECORDS[0], ring=NEW_RING)])
        await until_equal(lambda: reasons(chain), ["unknown_key"])
        await worker.says("rejected: 1 of system 'site', source 'file', unknown_key (the key ring has no key 'new'")
        replace_private_file(ring, json.dumps(GROWN))
        await worker.says("the key ring was read anew: new keys ['new']")
        await chain.produce([sealed(record, ring=NEW_RING) for record in RECORDS])
        await until_equal(chain.committed, 1 + len(RECORDS))
        assert await reasons(chain) == ["unknown_key"]
        assert await chain.read(chain.layout.topics.changes)
        assert worker.terminate() == 0


async def test_at_sighup_the_ring_is_read_and_a_broken_one_changes_nothing(chain: Chain) -> None:
    with chain.worker() as worker:
        await worker.ready()
        ring = chain.folder / "ring.json"
        replace_private_file(ring, '{"keys": [')
        worker.send(signal.SIGHUP)
        await worker.says("ERROR stateserver.security.keyring_file: the key ring could not be read anew")
        await chain.produce([sealed(record) for record in RECORDS])
        await until_equal(chain.committed, len(RECORDS))
        assert await reasons(chain) == []
        replace_private_file(ring, json.dumps(GROWN))
        worker.send(signal.SIGHUP)
        await worker.says("new keys ['new']")
        assert worker.terminate() == 0
