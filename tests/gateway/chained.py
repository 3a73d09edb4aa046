"""A whole chain: a real broker, a real worker, and a gateway that follows what it writes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from stateserver.codec.topics import Topics
from stateserver.gateway.feed import Feed
from stateserver.security.keyring import KeyRing
from tests.gateway.serving import Gateway, make_parts, make_tokens, serving, until
from tests.stream.chain import Chain
from tests.stream.journals import RING


@asynccontextmanager
async def gateway_of(chain: Chain, ring: KeyRing | None = RING) -> AsyncIterator[Gateway]:
    """A gateway on the chain's topics."""
    tokens = make_tokens()
    options = {"bootstrap_servers": chain.broker.bootstrap}
    journals = chain.layout.journals
    topics = Topics(*chain.layout.topics)
    parts = make_parts(tokens, options=options, topics=topics, journals=journals, ring=ring)
    feed = Feed(options, topics, journals, parts.reading, parts.hub, parts.liveness, parts.metrics)
    async with serving(parts, tokens, feed.run) as gateway:
        yield gateway


async def at_version(gateway: Gateway, version: int, system: str = "site") -> None:
    """Wait until the gateway tells of a system at that version, its latest checkpoint too."""

    def reached() -> bool:
        model = gateway.parts.reading.systems.get(system)
        at_it = model is not None and model.version >= version and model.row is not None
        return at_it and gateway.parts.liveness.ready

    await until(reached)
