"""What a worker tells Prometheus, asked for over HTTP."""

import urllib.request

import pytest

from stateserver.broker.ports import free_port
from stateserver.stream.health import Health
from stateserver.stream.health_server import MetricsPortTaken, serve_health
from stateserver.stream.metrics import Metrics


def asked(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def test_all_that_is_counted_is_told() -> None:
    metrics, port = Metrics(), free_port()
    serve_health(metrics, Health(), port)
    metrics.count(records=500, changes=12, rejected=1)
    metrics.held_back_ms = 1500
    metrics.held_back.add(3)
    metrics.unread["packets", 3] = 7
    metrics.waiting_bytes[3] = 4096
    metrics.stopped.add(2)
    told = asked(port)
    assert told["stateserver_worker_records_total"] == 500
    assert told["stateserver_worker_held_back_seconds_total"] == 1.5
    assert told['stateserver_worker_unread_records{partition="3",topic="packets"}'] == 7
    assert told['stateserver_worker_waiting_bytes{partition="3"}'] == 4096
    assert told["stateserver_worker_stopped_partitions"] == 1
    assert told["stateserver_worker_held_back_partitions"] == 1
    metrics.forget(3)
    assert asked(port)["stateserver_worker_held_back_partitions"] == 0
    assert 'stateserver_worker_waiting_bytes{partition="3"}' not in asked(port)
    with pytest.raises(MetricsPortTaken, match=str(port)):
        serve_health(metrics, Health(), port)
