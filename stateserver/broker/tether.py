"""Run a program that dies with whoever started it: `python tether.py PARENT_PID PROGRAM ARGUMENT...`.

Started as a file, by an interpreter without site packages, so it costs a few milliseconds and imports
nothing of ours. It asks the kernel to be killed with its parent, then becomes the program. Done here and
not in a hook between fork and exec, which is not safe in a process that has threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends; on Linux only."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before we asked
        sys.exit(1)


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - no shell is the point
