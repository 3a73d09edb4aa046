"""A thousand real sockets: every client gets every change exactly once, in order."""

import asyncio

import pytest

from stateserver.gateway.open_files import allow_open_files
from tests.gateway.fleet import Order
from tests.gateway.sailing import sailing
from tests.gateway.serving import Gateway
from tests.gateway.test_system_model import sample_events

CLIENTS = 1_000
CHANGES = 60


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_thousand_clients_get_every_change_once_and_in_order(gateway: Gateway) -> None:
    """However quick or slow this machine is; how quick, a benchmark tells."""
    allow_open_files()
    first, second, _ = sample_events()
    gateway.tell([first])
    order = Order(gateway.port, gateway.tokens.viewer, CLIENTS, "site", CHANGES, limit_s=500)
    async with sailing(order) as fleet:
        for version in range(2, CHANGES + 1):
            gateway.tell([second._replace(version=version)])
            await asyncio.sleep(0)
        log = await fleet.log()
    assert log.wrong == []
    assert (log.arrived, log.snapshots) == (CLIENTS, 0)
    assert sorted(log.at) == list(range(2, CHANGES + 1))
    # However many came at once for one client, each change was encoded once.
    assert gateway.parts.metrics.notifications >= CLIENTS
