"""veraPDF, which tells whether a PDF is one for the archive (ISO 19005)."""

import subprocess
from pathlib import Path
from typing import Final

from stateserver.broker.java import jars_of, require_java

PROGRAM: Final = "veraPDF"
JAVA_OLDEST: Final = 11
MAIN: Final = "org.verapdf.apps.GreenfieldCliWrapper"
LIMIT_S: Final = 240


def verapdf() -> list[str]:
    """How it is called. Raises JavaMissing."""
    java = require_java(PROGRAM, JAVA_OLDEST)
    jars = jars_of(Path(__file__).with_name("verapdf-pom.xml"), PROGRAM, "verapdf")
    return [str(java), "-cp", f"{jars}/*", MAIN]


def refused(command: list[str], files: list[Path], flavour: str = "2u") -> dict[str, str]:
    """The files that are none of that flavour, by name, with what it says of each."""
    told = subprocess.run(
        [*command, "--flavour", flavour, "--format", "text", "-v", *map(str, files)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    answers: dict[str, str] = {}
    name = ""
    for line in told.stdout.splitlines():
        if line.startswith(("PASS ", "FAIL ")):
            name = Path(line.split(" ", 1)[1].rsplit(" ", 1)[0]).name
            answers[name] = ""
        if name and not line.startswith("PASS "):
            answers[name] += f"{line}\n"
    assert set(answers) == {file.name for file in files}, told.stdout + told.stderr
    return {name: said for name, said in answers.items() if said}
