"""Uncompiled, the same functions give the same results: a debugger shows what the compiled ones do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PLAIN = """
import numba
from streams.users.ladders import settle
from tests.generate import community, records
from tests.local_run import PARTITIONS, Run, differences, run
from tests.strategies import SPAN_DAYS, START_MS

assert numba.config.DISABLE_JIT and not hasattr(settle, "py_func")
day_ms = 86_400_000
values = community(7, 300, 12, 120, start_ms=START_MS)
log = list(records(values, partitions=PARTITIONS, timestamp_ms=START_MS + SPAN_DAYS * day_ms))
pipeline = Run(log)

async def halfway_killed():
    await pipeline.worker.step(40)
    await pipeline.worker.checkpoint()
    await pipeline.worker.step(40)
    pipeline.start()
    return await pipeline.finish(64)

store = run(halfway_killed)
assert len(store.logs["segment_transitions"]) > 20, store.logs["segment_transitions"]
print(differences(store, log) or "the same")
"""


def test_the_whole_pipeline_uncompiled_equals_the_batch_recompute() -> None:
    done = subprocess.run(
        # Hashes wrap around: compiled code does not mention it, numpy's scalars do.
        [sys.executable, "-W", "error", "-W", "ignore:overflow:RuntimeWarning", "-c", PLAIN],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (done.stdout.strip(), done.returncode) == ("the same", 0), done.stdout + done.stderr
