"""The one place that decides how hot functions are compiled.

``@compiled`` is numba's njit with a cache on disk. With ``NUMBA_DISABLE_JIT=1`` the same functions run as
plain Python, for a debugger and for tests that want to see every line run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import numba
import numpy as np

F = TypeVar("F", bound=Callable[..., Any])
Integer = Any
"""A whole number in a kernel, Python's or one of numpy's: compiled, they are the same."""


def compiled(function: F) -> F:
    """Compile at first call, keep the machine code in ``__pycache__``."""
    return cast(F, numba.njit(cache=True, error_model="numpy", nogil=True)(function))


def codes(count: int) -> Iterable[Any]:
    """The codes 0, 1, 2, ... as numbers of one type: a plain int makes numba compile for each value anew."""
    return map(np.int64, range(count))


def inlined(function: F) -> F:
    """Compile into each caller. For what passes many arrays in a hot loop: a call copies all of them."""
    return cast(F, numba.njit(inline="always", cache=True, error_model="numpy", nogil=True)(function))
