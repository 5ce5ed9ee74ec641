"""Runs a command that must not outlive its parent: ``python leash.py PARENT_PID COMMAND...``

The command replaces this process and keeps its id. On Linux the kernel kills it the moment the parent thread
that started it ends, however that ends. Elsewhere a parent that dies by SIGKILL leaves it running.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Become `command`, on the leash of the process `parent`."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the leash was on
        raise SystemExit(1)
    os.execvp(command[0], command)  # noqa: S606  no shell is wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
