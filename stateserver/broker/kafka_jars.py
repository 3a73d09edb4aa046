"""Apache Kafka's program files, and a Java to run them."""

from pathlib import Path
from typing import Final

from stateserver.broker import java
from stateserver.broker.process import BrokerMissing

POM: Final = Path(__file__).with_name("kafka-pom.xml")
PROGRAM: Final = "Apache Kafka"
JAVA_OLDEST: Final = 17  # as Kafka 4 needs it


def require_java() -> Path:
    """Java's path. Raises BrokerMissing."""
    try:
        return java.require_java(PROGRAM, JAVA_OLDEST)
    except java.JavaMissing as trouble:
        raise BrokerMissing(trouble.message, trouble.hint) from trouble


def kafka_jars() -> Path:
    """The directory with Kafka and all it needs, resolved on first use (a minute). Raises BrokerMissing."""
    try:
        return java.jars_of(POM, PROGRAM, "kafka")
    except java.JavaMissing as trouble:
        raise BrokerMissing(trouble.message, trouble.hint) from trouble
