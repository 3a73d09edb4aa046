"""A process that looks up how systems stood: reading and folding thousands of events must hold nobody else up.

Standard input: a question a line, JSON (see `Question`). Standard output, for each in order: a line of JSON,
`{"size"}` or `{"size", "refusal"}` with the name of what it was refused with, then so many bytes: the answer, or a JSON
object with `message` and `hint`. It ends with its input. Its settings are those of the gateway, from its environment.
"""

import asyncio
import os
import sys
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

import orjson
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from stateserver.codec.topics import Topics
from stateserver.gateway import compact_json
from stateserver.gateway.past_answers import Question, answer_to
from stateserver.gateway.past_search import Asked, Found, find_past
from stateserver.gateway.refusals import HistoryUnreachable, Refusal
from stateserver.kafka.quiet import quiet_libraries
from stateserver.kafka.readers import reader
from stateserver.logs import set_up_logging
from stateserver.settings import kafka_client_options, load_settings

NICENESS: Final = 5
FETCH_BYTES: Final = 1 << 20
STEP_MS: Final = 250
KEPT_MAX: Final = 8
KEPT_UNITS_MAX: Final = 500_000


class PastReader:
    """Answers one question after the other; what it found last is kept, for the next page of it."""

    def __init__(self, client_options: Mapping[str, Any], topics: Topics) -> None:
        self._client_options = client_options
        self._topics = topics
        self._consumer: AIOKafkaConsumer | None = None
        self._kept: OrderedDict[Asked, Found] = OrderedDict()
        self._generation = 0

    async def answer(self, question: Question) -> bytes:
        """The answer's JSON. Raises Refusal."""
        try:
            return answer_to(question, await self._found(question))
        except (KafkaError, OSError) as trouble:  # a TimeoutError is an OSError
            await self.close()
            raise HistoryUnreachable(str(trouble) or type(trouble).__name__) from trouble

    async def _found(self, question: Question) -> Found:
        if question.generation != self._generation:
            self._generation = question.generation
            self._kept.clear()
        asked = Asked(question.system, question.partition, question.at, question.version, question.mode, question.era)
        held = self._kept.get(asked)
        if held is None:
            # With what the present is left out: what is settled doesn't depend on it.
            settled = asked._replace(version=0, mode=None)
            held = self._kept.get(settled)
            if held is None:
                held = await find_past(await self._connected(), self._topics, asked)
                self._keep(settled if held.settled else asked, held)
        return held

    def _keep(self, asked: Asked, found: Found) -> None:
        self._kept[asked] = found
        while len(self._kept) > 1 and (
            len(self._kept) > KEPT_MAX or sum(len(one.past.units) for one in self._kept.values()) > KEPT_UNITS_MAX
        ):
            self._kept.popitem(last=False)

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = reader(self._client_options, fetch_bytes=FETCH_BYTES, wait_ms=STEP_MS)
            try:
                await consumer.start()
            except BaseException:
                await consumer.stop()
                raise
            self._consumer = consumer
        return self._consumer

    async def close(self) -> None:
        """Let go of the broker; the next question connects again."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()


async def serve(source: BinaryIO, out: BinaryIO, past: PastReader) -> None:
    """Answer until the input ends."""
    try:
        while line := await asyncio.to_thread(source.readline):
            head: dict[str, Any] = {}
            try:
                body = await past.answer(Question(**orjson.loads(line)))
            except Refusal as refusal:
                head = {"refusal": type(refusal).__name__}
                body = compact_json.encode({"message": refusal.message, "hint": refusal.hint})
            out.write(compact_json.encode(head | {"size": len(body)}) + b"\n" + body)
            out.flush()
    finally:
        await past.close()


def main() -> None:
    """Serve standard input."""
    os.nice(NICENESS)
    settings = load_settings(os.environ)
    set_up_logging(settings)
    quiet_libraries()
    topics = Topics.with_prefix(settings.topic_prefix)

    async def run() -> None:
        await serve(sys.stdin.buffer, sys.stdout.buffer, PastReader(kafka_client_options(settings), topics))

    asyncio.run(run())


if __name__ == "__main__":
    main()
