"""`--swap` on real brokers: beside a live worker, killed in the midst of it, and where nobody may be at work."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from stateserver.broker.kafka import Kafka
from stateserver.broker.tansu import Tansu
from stateserver.codec.unit import decode_unit, encode_unit
from stateserver.commands.replay_swap import has_members
from stateserver.stream.state_rows import MARKER_KEY, decode_marker, decode_notes, is_of_the_core, notes_key
from tests.faults.fleet import Load, Supervised, assert_true_to_the_journal
from tests.kafka.between import ADD_PARTITIONS_TO_TXN, END_TXN, Between
from tests.stream.chain import Chain, until, until_equal
from tests.stream.journals import CAPTURE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

REFUSED_STATUS = 2
DIFFERENT_STATUS = 1
HELD_WITHIN_S = 240
"""A process that starts on a busy machine and folds what there is."""
NOTES_END = notes_key("")


async def replay(chain: Chain, *arguments: str, brokers: str = "") -> asyncio.subprocess.Process:
    """`stateserver replay --from-topic`, started."""
    command = ["-m", "stateserver", "replay", "--from-topic", "--out", str(chain.folder / uuid4().hex), *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STATESERVER_")}
    pipes: dict[str, Any] = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
    own = chain.worker().environment | {"STATESERVER_BROKERS": brokers or chain.broker.bootstrap}
    return await asyncio.create_subprocess_exec(sys.executable, *command, env=kept | own, **pipes)


async def replayed(chain: Chain, *arguments: str, status: int = 0) -> str:
    """What it said; it must end with that status."""
    process = await replay(chain, *arguments)
    said = (await process.communicate())[0].decode()
    assert process.returncode == status, said
    return said


async def spoil(chain: Chain) -> int:
    """One unit of each system says something else: how many."""
    rows: dict[str, tuple[bytes, bytes]] = {}
    for key, value in (await chain.compacted(chain.layout.topics.units)).items():
        rows.setdefault(decode_unit(value).system, (key, value))
    places = {record.key: record.partition for record in await chain.read(chain.layout.topics.units)}  # type: ignore[attr-defined]
    async with AIOKafkaProducer(bootstrap_servers=chain.broker.bootstrap) as producer:
        for key, value in rows.values():
            row = decode_unit(value)
            other = encode_unit(row._replace(version=row.version + 100_000))
            await producer.send_and_wait(chain.layout.topics.units, other, key=key, partition=places[key])
    return len(rows)


async def spoil_state(chain: Chain) -> None:
    """A row of the state that is not what the journal says, in a checkpoint of its own."""
    records = await chain.read(chain.layout.state, committed=True)
    victim = next(one for one in reversed(records) if one.key and is_of_the_core(one.key) and one.value)
    partition = victim.partition  # type: ignore[attr-defined]
    marker = next(one for one in reversed(records) if one.key == MARKER_KEY and one.partition == partition)  # type: ignore[attr-defined]
    async with AIOKafkaProducer(bootstrap_servers=chain.broker.bootstrap) as producer:
        for key, value in ((victim.key, (victim.value or b"") + b"?"), (marker.key, marker.value)):
            headers = list(marker.headers)
            await producer.send_and_wait(chain.layout.state, value, key=key, partition=partition, headers=headers)


async def lineages(chain: Chain) -> dict[int, str]:
    """Which life of the state each partition has."""
    records = await chain.read(chain.layout.state, committed=True)
    markers = [one for one in records if one.key == MARKER_KEY]
    return {one.partition: decode_marker(one.value or b"").lineage for one in markers}  # type: ignore[attr-defined]


async def checkpointed(chain: Chain, load: Load) -> None:
    """All is done, units whose `as_of` alone has moved included: nobody writes their rows any more."""
    await until_equal(chain.committed, load.sent)

    async def published() -> bool:
        rows = await chain.compacted(chain.layout.state)
        return not any(decode_notes(row).unpublished for key, row in rows.items() if key.endswith(NOTES_END))

    await until(published)


async def test_a_live_worker_is_fenced_says_so_and_goes_on_from_the_new_tables(kafka: Kafka, tmp_path: Path) -> None:
    chain = Chain(kafka, f"{uuid4().hex[:8]}.", tmp_path)
    load = Load(chain, ["AXXIS100", CAPTURE], 2)
    with Supervised(chain, "at work") as worker:
        await worker.process.ready()
        await load.send(0.6)
        await checkpointed(chain, load)
        spoilt = await spoil(chain)
        said = await replayed(chain, "--compare", "--swap")
        assert f"Differences: {spoilt}" in said
        assert said.count("tables of") == len(await lineages(chain)) > 0
        assert "0 of state" in said
        assert "events were told" not in said
        await load.send(1)
        await worker.until_lives(2)
        assert "its tables were swapped" in worker.lives[0].output
        await checkpointed(chain, load)
        await assert_true_to_the_journal(chain)

    # Nobody is at work any more: the state itself can be put right, and stills that may be of the wrong one are gone.
    async def has_left() -> bool:
        return not await has_members({"bootstrap_servers": kafka.bootstrap}, chain.group)

    await until(has_left)  # it was killed, and is counted as a member for a while
    stills = await chain.read(chain.layout.topics.history)
    await spoil_state(chain)
    assert "1 of state" in await replayed(chain, "--swap")
    assert 0 < len(stills) > len(await chain.read(chain.layout.topics.history))
    with chain.worker() as again:
        await again.ready()
        await checkpointed(chain, load)
        await assert_true_to_the_journal(chain)


async def test_killed_in_the_midst_of_it_the_live_tables_are_as_they_were(kafka: Kafka, tmp_path: Path) -> None:
    """Once with the pen in its hand, and once when all was written and only the transaction's end was missing."""
    chain = Chain(kafka, f"{uuid4().hex[:8]}.", tmp_path)
    load = Load(chain, ["AXXIS100", CAPTURE], 8)
    with Supervised(chain, "at work") as worker:
        await worker.process.ready()
        before: dict[int, str] = {}
        async with Between(kafka) as between:
            for api in (ADD_PARTITIONS_TO_TXN, END_TXN):
                await load.send(0.3)
                await checkpointed(chain, load)
                await spoil(chain)
                before = await lineages(chain)
                between.hold, lives = api, len(worker.lives)
                swap = await replay(chain, "--swap", brokers=between.bootstrap)
                await asyncio.wait_for(between.held.wait(), HELD_WITHIN_S)
                swap.kill()
                await swap.wait()
                between.let_go()
                await load.send(0.3)  # to every partition: the one whose pen was taken notices
                await worker.until_lives(lives + 1)
                await checkpointed(chain, load)
                assert (await lineages(chain)).items() >= before.items()
        await worker.process.ready()
        await replayed(chain, "--swap")
        assert not (await lineages(chain)).items() & before.items()
        await load.send(1)
        await assert_true_to_the_journal(chain)


async def test_without_transactions_it_is_refused_while_somebody_is_at_work(tansu: Tansu, tmp_path: Path) -> None:
    chain = Chain(tansu, f"{uuid4().hex[:8]}.", tmp_path)
    load = Load(chain, ["AXXIS100", CAPTURE], 2)
    with chain.worker() as worker:
        await worker.ready()
        await load.send(0.7)
        await checkpointed(chain, load)
        await spoil(chain)
        said = await replayed(chain, "--swap", status=REFUSED_STATUS)
        assert "no transactions" in said
        assert "stop all workers" in said
        await replayed(chain, "--compare", status=DIFFERENT_STATUS)
