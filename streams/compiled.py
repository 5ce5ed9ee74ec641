"""The one place that decides how hot functions are compiled.

``@compiled`` is numba's njit with a cache on disk. With ``NUMBA_DISABLE_JIT=1`` the same functions run as
plain Python, for a debugger and for tests that want to see every line run.

Kernels count no references to arrays (``_nrt=False``): otherwise every field of a tuple of arrays that is
looked at costs two locked additions, a third of all time in the stage groups. So they can't make arrays, but
only use those that they are given, and can't return one to Python (it would get the whole of what a view is
of); a function that must make one is ``@making_arrays``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import numba
import numpy as np

from streams import kernel_cache

F = TypeVar("F", bound=Callable[..., Any])
Integer = Any
"""A whole number in a kernel, Python's or one of numpy's: compiled, they are the same."""

KEY_ROOM = 2048
"""Bytes of the buffers in which kernels put keys together: more than any key has."""

kernel_cache.use()
_OPTIONS: dict[str, Any] = {"cache": True, "error_model": "numpy", "nogil": True}
_njit: Any = numba.njit  # its annotations leave `_nrt` out


def compiled(function: F) -> F:
    """Compile at first call, keep the machine code in ``__pycache__``. It can't make arrays."""
    return cast(F, _njit(_nrt=False, **_OPTIONS)(function))


def making_arrays(function: F) -> F:
    """The same for one that makes arrays of its own. Not for what is called often."""
    return cast(F, _njit(_nrt=True, **_OPTIONS)(function))


def codes(count: int) -> Iterable[Any]:
    """The codes 0, 1, 2, ... as numbers of one type: a plain int makes numba compile for each value anew."""
    return map(np.int64, range(count))


def inlined(function: F) -> F:
    """Compile into each caller. For what passes many arrays in a hot loop: a call copies all of them."""
    return cast(F, _njit(inline="always", _nrt=False, **_OPTIONS)(function))
