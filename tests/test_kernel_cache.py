"""Machine code on disk is used as long as nothing that went into it has changed, and no longer."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from streams import kernel_cache

CONSTANT, CALLED, KERNEL = "streams/constant.py", "streams/called.py", "streams/kernel.py"
FILES = {
    "schemas/__init__.py": "",
    "streams/__init__.py": "",
    CONSTANT: "ADDED = 1\n",
    CALLED: """
from streams.compiled import compiled
from streams.constant import ADDED

@compiled
def called(x):
    return x + ADDED
""",
    KERNEL: """
from streams.called import called
from streams.compiled import compiled

@compiled
def kernel(x):
    return called(x)

if __name__ == "__main__":
    import streams.kernel as me
    print(me.kernel(10), sum(me.kernel.stats.cache_hits.values()))
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with our way of compiling."""
    for name in ("compiled", "kernel_cache"):
        source = (kernel_cache.ROOT / "streams" / f"{name}.py").read_text()
        (tmp_path / "streams").mkdir(exist_ok=True)
        (tmp_path / "streams" / f"{name}.py").write_text(source)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(project: Path) -> str:
    """The kernel's answer to 10, and how many compiled functions came from the disk."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    command = [sys.executable, "-m", "streams.kernel"]
    done = subprocess.run(
        command,
        cwd=project,
        env=env | {"PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_constant_that_changes_in_another_file_is_compiled_in(project: Path) -> None:
    assert run(project) == "11 0"
    assert run(project) == "11 1"
    (project / CONSTANT).write_text("ADDED = 5\n")
    assert run(project) == "15 0"
    assert run(project) == "15 1"


def test_a_function_that_changes_in_another_file_is_compiled_in(project: Path) -> None:
    assert run(project) == "11 0"
    (project / CALLED).write_text(FILES[CALLED].replace("x + ADDED", "x - ADDED"))
    assert run(project) == "9 0"


def test_other_files_do_not_matter(project: Path) -> None:
    assert run(project) == "11 0"
    (project / "streams" / "other.py").write_text("ADDED = 7\n")
    assert run(project) == "11 1"


def test_all_kernels_of_groupbeat_know_what_they_are_made_of() -> None:
    """The stamp of a stage's kernels sees its state, its rules and its calendar."""
    root = kernel_cache.ROOT
    for stage in ("users", "groups"):
        made_of = kernel_cache._closure(root / "streams" / stage / "absorb.py")
        wanted = (
            f"streams/{stage}/state.py",
            "streams/columnar.py",
            "streams/hashing.py",
            "schemas/actions.py",
        )
        assert made_of >= {root / name for name in wanted}


def test_nobody_loads_what_another_process_is_just_writing(tmp_path: Path) -> None:
    """The index names the new code already, and in its file is the code of before."""
    writes, go_on = threading.Event(), threading.Event()

    class Slow(kernel_cache.LockedFile):
        def _save_data(self, name: str, data: Any) -> None:
            writes.set()
            assert go_on.wait(30)
            super()._save_data(name, data)

    kernel_cache.LockedFile(str(tmp_path), "kernel", "of before").save("key", "code of before")
    with ThreadPoolExecutor(2) as pool:
        saved = pool.submit(Slow(str(tmp_path), "kernel", "of now").save, "key", "code of now")
        assert writes.wait(30)
        loaded = pool.submit(kernel_cache.LockedFile(str(tmp_path), "kernel", "of now").load, "key")
        with pytest.raises(TimeoutError):
            loaded.result(0.2)
        go_on.set()
        saved.result(30)
        assert loaded.result(30) == "code of now"


def test_a_folder_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    assert kernel_cache.LockedFile(str(tmp_path / "none"), "kernel", "of now").load("key") is None


def test_kernels_are_kept_so() -> None:
    from streams.names import number_of

    kernel: Any = number_of
    assert isinstance(kernel._cache._cache_file, kernel_cache.LockedFile)
