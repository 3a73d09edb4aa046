"""A journal in the topics of a broker, and `stateserver replay --from-topic` over it."""

import asyncio
import json
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from stateserver.broker.process import Broker
from stateserver.cli import stateserver
from stateserver.domain.records import Record
from stateserver.replay.folding import Folding
from stateserver.stream.ports import Row
from stateserver.stream.topics import ensure_topics
from tests.stream.chain import Chain
from tests.stream.journals import EXAMPLES, RING_DOCUMENT, example_records, sealed

Lines = list[dict[str, Any]]


class Logged:
    """Topics of one test's own, and what was appended to their journal."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.chain = Chain(broker, f"{uuid.uuid4().hex}.", folder)
        self.broker = broker
        self.folder = folder
        asyncio.run(ensure_topics({"bootstrap_servers": [broker.bootstrap]}, self.chain.layout))

    @property
    def environ(self) -> dict[str, str]:
        return {
            "STATESERVER_BROKERS": self.broker.bootstrap,
            "STATESERVER_TOPIC_PREFIX": self.chain.prefix,
            "STATESERVER_KEYRING": json.dumps(RING_DOCUMENT),
        }

    def append(self, rows: Iterable[Row]) -> list[int]:
        """Append to the journal; the partitions."""
        return asyncio.run(self.chain.produce(rows))

    def append_records(self, system: str, records: Iterable[Record]) -> int:
        """Append a system's records; its partition."""
        return self.append([sealed(record, system) for record in records])[0]

    def replay(self, *arguments: str, out: str = "out") -> Result:
        """Run the command."""
        given = ["replay", "--from-topic", "--out", str(self.folder / out), *arguments]
        return CliRunner().invoke(stateserver, given, env=self.environ)

    def replayed(self, *arguments: str, out: str = "out") -> Result:
        """As `replay`, where it must succeed."""
        result = self.replay(*arguments, out=out)
        assert result.exit_code == 0, result.output
        return result

    def lines(self, name: str, out: str = "out") -> Lines:
        """What it wrote."""
        return [json.loads(line) for line in (self.folder / out / f"{name}.jsonl").read_text().splitlines()]

    def of_system(self, name: str, system: str, out: str = "out") -> Lines:
        """What it wrote of a system."""
        return [line for line in self.lines(name, out) if line["system"] == system]


def examples() -> dict[str, Sequence[Record]]:
    """The worked examples, each as a system of its own."""
    return {example: example_records(example) for example in EXAMPLES}


def unit_lines(folding: Folding) -> Lines:
    """A fold's units as they must be written."""
    return [{"system": folding.system.name, "unit": path, **fields} for path, fields in folding.system.units()]
