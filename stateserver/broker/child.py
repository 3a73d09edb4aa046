"""A child process: started tied to us, stopped by its process id, its last words kept."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from stateserver.broker import tether
from stateserver.errors import StateServerError

OUTPUT_LINES_SHOWN = 15


class Child:
    """A program that we run; what it prints goes to the file `output`.

    A subclass says what to run (`_command`) and which trouble its failing is. The child is killed when the thread
    that started it ends, so start children from a thread that lives as long as they shall.
    """

    name = "child"

    def __init__(self, output: Path, *, stop_limit_s: float) -> None:
        self.output = output
        self.stop_limit_s = stop_limit_s
        self._process: subprocess.Popen[bytes] | None = None

    def _command(self) -> Sequence[str | Path]:
        raise NotImplementedError

    def _environment(self) -> Mapping[str, str]:
        return os.environ

    def _trouble(self, message: str) -> StateServerError:
        raise NotImplementedError

    @property
    def pid(self) -> int | None:
        """The process id while the child runs, else None."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def spawn(self) -> None:
        """Start the child."""
        assert self.pid is None, "it runs already"
        self.output.parent.mkdir(parents=True, exist_ok=True)
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-IS", tether.__file__, str(os.getpid()), *map(str, self._command())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(self._environment()),
                # A Ctrl-C in the terminal is for us: we stop the children, in an order of ours.
                start_new_session=True,
            )

    def terminate(self) -> None:
        """Ask the child to end, without waiting for it."""
        if self._process is not None:
            self._process.terminate()

    def stop(self) -> None:
        """Ask the child to end, and kill it if it doesn't in time. Nothing happens if it has ended."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(self.stop_limit_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the child as a crash would, without a chance to save anything."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wait(self) -> int:
        """Wait until the child ends by itself; its exit status."""
        assert self._process is not None, "start it first"
        return self._process.wait()

    def require_running(self) -> None:
        """Raise the child's trouble, with its last words, if it has ended."""
        assert self._process is not None, "start it first"
        status = self._process.poll()
        if status is not None:
            raise self.failed(f"ended with status {status}")

    def failed(self, what: str) -> StateServerError:
        """The trouble that `what` is, with the last lines the child printed."""
        lines = self.output.read_text(errors="replace").splitlines()[-OUTPUT_LINES_SHOWN:]
        said = "\n".join(["; its last lines:", *lines]) if lines else "; it printed nothing"
        return self._trouble(f"{self.name} {what}{said}")
