"""Java programs that are fetched and not installed: their files, resolved from Maven Central by name and version."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from stateserver.errors import StateServerError

RESOLVE_LIMIT_S = 600


class JavaMissing(StateServerError):
    """Java, Maven, or a program's files are not on this machine."""


def cache_dir() -> Path:
    """Where the checkout keeps what it downloads."""
    return Path(__file__).resolve().parents[2] / ".cache"


def require_java(program: str, oldest: int) -> Path:
    """Java's path, of version `oldest` or later as the program needs it. Raises JavaMissing."""
    java = shutil.which("java")
    hint = f"install a Java runtime of version {oldest} or later"
    if java is None:
        raise JavaMissing(f"{program} needs Java, and there is no java on the path", hint)
    said = subprocess.run([java, "-XshowSettings:properties", "-version"], capture_output=True, text=True, check=False)
    for line in said.stderr.splitlines():
        name, _, value = line.strip().partition(" = ")
        if name == "java.specification.version":
            if int(value.removeprefix("1.")) < oldest:
                raise JavaMissing(f"{program} needs Java {oldest} or later; the java on the path is {value}", hint)
            return Path(java)
    raise JavaMissing("the java on the path doesn't tell its version", hint)


def jars_of(pom: Path, program: str, folder: str) -> Path:
    """The directory with all that the POM names, resolved on first use (a minute). Raises JavaMissing."""
    version = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    jars = cache_dir() / folder / version
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise JavaMissing(f"{program} is fetched by Maven, and there is no mvn on the path", "install Maven")
    unfinished = jars.with_name(f"{version}.{os.getpid()}.part")
    resolved = subprocess.run(
        [
            *(maven, "--quiet", "--batch-mode", "--file", pom, f"-Dmaven.repo.local={cache_dir() / 'maven'}"),
            *("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={unfinished}"),
        ],
        capture_output=True,
        text=True,
        timeout=RESOLVE_LIMIT_S,
        check=False,
    )
    if resolved.returncode != 0:
        last = (resolved.stdout + resolved.stderr).strip().splitlines()[-1:]
        raise JavaMissing(f"Maven could not resolve {program}: {''.join(last)}", f"see {pom.name}")
    if not jars.is_dir():
        unfinished.rename(jars)
    return jars
