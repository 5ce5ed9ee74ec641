"""Places at which a fault test may kill the process, to prove that nothing is lost or doubled there.

Off unless ``GROUPBEAT_CRASH_AT=NAME:N`` is set: then the N-th time that the point NAME is reached, the
process ends itself by SIGKILL, as a power cut or the kernel's memory killer would end it.
"""

from __future__ import annotations

import os
import signal

_name, _, _count = os.environ.get("GROUPBEAT_CRASH_AT", "").partition(":")
_left = int(_count or 1)


def crash_point(name: str) -> None:
    """Die here, if the environment asks for it."""
    global _left
    if name != _name:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
