"""A demo that runs: what it prints at its start, and what its gateway answers."""

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

LIMIT_S = 120.0
T = TypeVar("T")
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Demo(NamedTuple):
    """A demo that plays."""

    process: "subprocess.Popen[str]"
    page: str
    token: str

    @property
    def origin(self) -> str:
        return self.page.partition("/#")[0]

    def get(self, path: str) -> Any:
        request = urllib.request.Request(self.origin + path)  # noqa: S310 it is our own, on loopback
        request.add_header("Authorization", f"Bearer {self.token}")
        with OPENER.open(request, timeout=10) as answer:
            return json.load(answer)


def read_start(process: "subprocess.Popen[str]") -> Demo:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("Token: "):
            break
    page = re.search(r"^Page: (\S+)$", said, re.MULTILINE)
    token = re.search(r"^Token: (\S+)$", said, re.MULTILINE)
    assert page, said + (process.stderr.read() if process.stderr and process.poll() is not None else "")
    assert token
    return Demo(process, page[1], token[1])


def until(look: Callable[[], T | None], what: str) -> T:
    """What `look` finds, once it finds something."""
    limit = time.monotonic() + LIMIT_S
    while time.monotonic() < limit:
        found = look()
        if found is not None:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {LIMIT_S:g} s: {what}")
