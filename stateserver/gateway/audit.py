"""The audit log: every command and every refused attempt, a JSON object a line, through `stateserver.audit`.

    {"at", "event", "outcome", "reason", "operation", "system", "actor", "role", "by", "address", …}

`at` in ms since 1970; `event` is command, log_in or refused; `outcome` begun, done, granted, refused or failed;
`reason` a problem's name, or null; `by` token, certificate, signed_token or session. No line holds a credential.

A flood of refusals from one address shall fill no disk: past a number in ten seconds they are counted, and the
count is written in one line (`attempts`). Where a line can't be written, a command is refused; a refusal is a refusal
already, so its line goes to the ordinary log instead, as an error.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from stateserver.errors import StateServerError
from stateserver.gateway.turned_away import NotWrittenDown
from stateserver.gateway.wall_clock import now_ms
from stateserver.logs import without_credentials

log = logging.getLogger(__name__)
audit_log = logging.getLogger("stateserver.audit")

WINDOW_S: Final = 10.0
LINES_A_WINDOW: Final = 50
ADDRESSES_MAX: Final = 1_000
TEXT_CHARACTERS_MAX: Final = 300
STREAMS: Final = {"stderr": lambda: sys.stderr, "stdout": lambda: sys.stdout}


class AuditTrouble(StateServerError):
    """The audit log can't be opened."""


class Actor(Protocol):
    """Who did it, as far as it is known."""

    @property
    def line(self) -> Mapping[str, str | None]:
        """Their actor, role and by."""
        ...


class What(NamedTuple):
    """What was asked for, and from where."""

    operation: str
    system: str | None
    address: str


class AuditFile(logging.Handler):
    """Writes lines to a file of mode 0600, or a stream; tells whether the last one could be written."""

    def __init__(self, target: str) -> None:
        super().__init__()
        self._target = target
        self._descriptor: int | None = None
        self.wrote = True
        self.reopen()

    def reopen(self) -> None:
        """Open the file anew, where it may have been moved away. Raises AuditTrouble, and goes on with the old one."""
        if self._target in STREAMS:
            return
        try:
            fresh = os.open(self._target, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOCTTY, 0o600)
        except OSError as error:
            trouble = f"can't write the audit log to {self._target}: {error.strerror}"
            raise AuditTrouble(trouble, "name a file that this process may write, or stderr") from error
        before, self._descriptor = self._descriptor, fresh
        if before is not None:
            os.close(before)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; whether that went well stands in `wrote`."""
        line = f"{record.getMessage()}\n"
        try:
            if self._descriptor is None:
                stream = STREAMS[self._target]()
                stream.write(line)
                stream.flush()
            else:
                encoded = line.encode()
                if os.write(self._descriptor, encoded) != len(encoded):
                    raise OSError("only a part was written")
            self.wrote = True
        except (OSError, ValueError):
            self.wrote = False

    def close(self) -> None:
        """The log is over."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        super().close()


class _Flood:
    """Refusals from one address within a window."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.lines = 0
        self.held: dict[tuple[Any, ...], tuple[dict[str, Any], int]] = {}


class Audit:
    """Writes down what happens. `clock` in seconds, for the windows alone."""

    def __init__(self, handler: AuditFile | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._handler = handler
        self._clock = clock
        self._floods: dict[str, _Flood] = {}
        self.unwritten = 0
        """How many lines could not be written."""
        if handler is not None:
            audit_log.handlers = [handler]
            audit_log.propagate = False
            audit_log.setLevel(logging.INFO)

    def command(self, what: What, who: Actor, details: Mapping[str, Any]) -> None:
        """A command is about to be carried out. Raises NotWrittenDown where that can't be written."""
        if not self._write(_line("command", "begun", None, what, who, details)):
            raise NotWrittenDown

    def command_ended(
        self, what: What, who: Actor, outcome: str, reason: str | None, details: Mapping[str, Any]
    ) -> None:
        """What became of it: done, refused or failed."""
        self._write(_line("command", outcome, reason, what, who, details))

    def logged_in(self, what: What, who: Actor) -> None:
        """A session was given out."""
        self._write(_line("log_in", "granted", None, what, who, {}))

    def refused(self, what: What, who: Actor | None, reason: str) -> None:
        """Somebody may not, or not so much."""
        now = self._clock()
        self._end_floods(now)
        flood = self._flood_of(what.address, now)
        line = _line("refused", "refused", reason, what, who, {})
        flood.lines += 1
        if flood.lines <= LINES_A_WINDOW:
            self._write(line)
            return
        key = (line["operation"], line["actor"], reason)
        held, attempts = flood.held.get(key, (line, 0))
        flood.held[key] = (held, attempts + 1)

    def tick(self) -> None:
        """Write the counts of what is over; to be called now and then."""
        self._end_floods(self._clock())

    def flush(self) -> None:
        """Write what was only counted so far."""
        self._end_floods(float("inf"))

    def _flood_of(self, address: str, now: float) -> _Flood:
        if address not in self._floods and len(self._floods) >= ADDRESSES_MAX:
            address = "many"
        return self._floods.setdefault(address, _Flood(now))

    def _end_floods(self, now: float) -> None:
        over = [address for address, flood in self._floods.items() if now - flood.since >= WINDOW_S]
        for address in over:
            for line, attempts in self._floods.pop(address).held.values():
                self._write(line | {"attempts": attempts})

    def _write(self, line: Mapping[str, Any]) -> bool:
        text = without_credentials(json.dumps(line, ensure_ascii=False))
        audit_log.info("%s", text)
        if self._handler is None or self._handler.wrote:
            return True
        self.unwritten += 1
        log.critical("the audit log can't be written; this belongs there: %s", text)
        return False


def _line(
    event: str, outcome: str, reason: str | None, what: What, who: Actor | None, details: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "at": now_ms(),
        "event": event,
        "outcome": outcome,
        "reason": reason,
        "operation": what.operation,
        "system": _short(what.system),
        **({"actor": None, "role": None, "by": None} if who is None else who.line),
        "address": what.address,
        **{name: _short(value) for name, value in details.items()},
    }


def _short(value: object) -> object:
    return value[:TEXT_CHARACTERS_MAX] if isinstance(value, str) else value
