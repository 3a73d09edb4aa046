"""Apache Kafka's program files, resolved from Maven Central by name and version."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from stateserver.broker.process import BrokerMissing

POM = Path(__file__).with_name("kafka-pom.xml")
RESOLVE_LIMIT_S = 600


def cache_dir() -> Path:
    """Where the checkout keeps what it downloads."""
    return Path(__file__).resolve().parents[2] / ".cache"


def require_java() -> Path:
    """Java's path, of version 17 or later as Kafka 4 needs it. Raises BrokerMissing."""
    java = shutil.which("java")
    hint = "install a Java runtime of version 17 or later"
    if java is None:
        raise BrokerMissing("Apache Kafka needs Java, and there is no java on the path", hint)
    said = subprocess.run([java, "-XshowSettings:properties", "-version"], capture_output=True, text=True, check=False)
    for line in said.stderr.splitlines():
        name, _, value = line.strip().partition(" = ")
        if name == "java.specification.version":
            if int(value.removeprefix("1.")) < 17:
                raise BrokerMissing(f"Apache Kafka needs Java 17 or later; the java on the path is {value}", hint)
            return Path(java)
    raise BrokerMissing("the java on the path doesn't tell its version", hint)


def kafka_jars() -> Path:
    """The directory with Kafka and all it needs, resolved on first use (a minute). Raises BrokerMissing."""
    version = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    jars = cache_dir() / "kafka" / version
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerMissing("Apache Kafka is fetched by Maven, and there is no mvn on the path", "install Maven")
    unfinished = jars.with_name(f"{version}.{os.getpid()}.part")
    resolved = subprocess.run(
        [
            *(maven, "--quiet", "--batch-mode", "--file", POM, f"-Dmaven.repo.local={cache_dir() / 'maven'}"),
            *("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={unfinished}"),
        ],
        capture_output=True,
        text=True,
        timeout=RESOLVE_LIMIT_S,
        check=False,
    )
    if resolved.returncode != 0:
        last = (resolved.stdout + resolved.stderr).strip().splitlines()[-1:]
        raise BrokerMissing(f"Maven could not resolve Apache Kafka: {''.join(last)}", f"see {POM.name}")
    if not jars.is_dir():
        unfinished.rename(jars)
    return jars
