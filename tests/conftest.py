"""What tests of every room can ask for: real brokers, and a real browser."""

import os
import shutil
from functools import partial
from pathlib import Path

import hypothesis.configuration
import pytest
from hypothesis import HealthCheck, settings

from stateserver.broker.java import JavaMissing
from stateserver.broker.kafka import SHORT_LIVED, Kafka
from stateserver.broker.kafka_jars import kafka_jars, require_java
from stateserver.broker.process import Broker, BrokerMissing
from stateserver.broker.tansu import Tansu
from tests.reports.pdf.verapdf import verapdf as verapdf_command
from tests.sharing import folder_of_run, shared

START_LIMIT_S = 240.0
"""Patience, not a verdict: on a busy machine a Kafka has been seen to take longer than its usual limit to start."""

# How long an example takes on a busy machine is no verdict on the code.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
hypothesis.configuration.set_hypothesis_home_dir(Path(__file__).parents[1] / ".cache" / "hypothesis")


def missing(what: str, switch: str) -> None:
    """Skip the test for what this machine lacks; fail it where the environment says that it must be there."""
    if os.environ.get(switch) == "1":
        pytest.fail(f"{switch}=1, but {what}", pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="session")
def tansu(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Tansu:
    """The embedded broker, one for the whole run and all its processes: give your topics a name of their own."""
    patient = partial(Tansu, start_limit_s=START_LIMIT_S)
    return shared(folder_of_run(tmp_path_factory) / "tansu", patient, pytestconfig)


@pytest.fixture(scope="session")
def java_and_kafka() -> Path:
    """Apache Kafka's program files, and a Java to run them; skips without, unless REQUIRE_KAFKA=1."""
    try:
        require_java()
        return kafka_jars()
    except BrokerMissing as trouble:
        missing(str(trouble), "REQUIRE_KAFKA")
        raise


@pytest.fixture(scope="session")
def kafka(java_and_kafka: Path, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Kafka:
    """A real Apache Kafka, one for the whole run and all its processes: give your topics a name of their own."""
    short_lived = partial(Kafka, java_options=SHORT_LIVED, start_limit_s=START_LIMIT_S)
    return shared(folder_of_run(tmp_path_factory) / "kafka", short_lived, pytestconfig)


@pytest.fixture(scope="session")
def verapdf() -> list[str]:
    """How the judge of PDFs for the archive is called; skips without Java and Maven, unless REQUIRE_KAFKA=1."""
    try:
        return verapdf_command()
    except JavaMissing as trouble:
        missing(str(trouble), "REQUIRE_KAFKA")
        raise


@pytest.fixture(params=["tansu", "kafka"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Runs the test on the embedded broker, and again on a real Apache Kafka."""
    started = request.getfixturevalue(request.param)
    assert isinstance(started, Broker)
    return started


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Debian's Chromium; skips without, unless REQUIRE_BROWSER=1."""
    program = shutil.which("chromium")
    if program is None:
        missing("there is no chromium on the path", "REQUIRE_BROWSER")
        raise AssertionError
    return Path(program)
