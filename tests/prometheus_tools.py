"""Prometheus, Alertmanager and their tools for tests: those installed, or Debian's packages unpacked.

Nothing is installed and no service is started: the packages are fetched with apt-get and unpacked into a
folder, which needs no root. Where that can't be, tests that need them fail and say how to install them.

A test module that uses the fixture ``prometheus_tools`` imports `prometheus_tools_fixture`.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

UNPACKED = Path(__file__).parent.parent / "var/prometheus"
PACKAGES = ("prometheus", "prometheus-alertmanager")
PROGRAMS = (("promtool",), ("prometheus",), ("amtool",), ("alertmanager", "prometheus-alertmanager"))
INSTALL = "apt-get install prometheus prometheus-alertmanager  (macOS: brew install prometheus alertmanager)"
TIMEOUT_S = 600
LIMITS = ("-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=30", "-o", "Acquire::https::Timeout=30")
"""Of apt-get, so that without a network it says so soon."""

_TEMPLATES = b"/usr/share/prometheus/alertmanager"
"""Where Debian's Alertmanager looks for its templates, which other builds contain."""


class ToolsUnavailable(RuntimeError):
    """The tools are not there and could not be fetched; the message says why and what to do."""


@dataclass(frozen=True)
class PrometheusTools:
    """The programs, and the folder in which they must be run."""

    promtool: Path
    prometheus: Path
    amtool: Path
    alertmanager: Path
    cwd: Path

    def run(self, program: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run one of the tools to its end; what it wrote, both streams in `stdout`."""
        return subprocess.run(
            [program, *arguments], cwd=self.cwd, timeout=TIMEOUT_S, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


@pytest.fixture(name="prometheus_tools", scope="session")
def prometheus_tools_fixture() -> PrometheusTools:
    """The tools, fetched if need be. Fails, rather than skips, without them."""
    try:
        return ensure_tools()
    except ToolsUnavailable as error:
        pytest.fail(str(error), pytrace=False)


def ensure_tools(unpacked: Path = UNPACKED) -> PrometheusTools:
    """The tools on the PATH, else those unpacked before, else fetch them. Raises `ToolsUnavailable`."""
    found = _find(unpacked)
    if found is None:
        _fetch(unpacked)
        found = _find(unpacked)
    if found is None:
        raise ToolsUnavailable(f"the packages {', '.join(PACKAGES)} lack a program: {INSTALL}")
    return found


def _find(unpacked: Path) -> PrometheusTools | None:
    paths = [path for names in PROGRAMS if (path := _program(names, unpacked))]
    if len(paths) < len(PROGRAMS):
        return None
    promtool, prometheus, amtool, alertmanager = paths
    cwd = unpacked if unpacked.is_dir() else Path("/")
    return PrometheusTools(promtool, prometheus, amtool, alertmanager, cwd)


def _program(names: Sequence[str], unpacked: Path) -> Path | None:
    for name in names:
        if on_path := shutil.which(name):
            return Path(on_path)
    return next((path for name in names if (path := unpacked / "usr/bin" / name).is_file()), None)


def _fetch(unpacked: Path) -> None:
    """Unpack the packages into a folder, all or nothing."""
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise ToolsUnavailable(f"Prometheus and Alertmanager are needed for this test: {INSTALL}")
    unpacked.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".prometheus-", dir=unpacked.parent) as temporary:
        folder = Path(temporary)
        root = folder / "root"
        for package in _download(folder):
            _command(["dpkg-deb", "-x", str(package), str(root)], folder)
        _let_templates_be_in_the_working_folder(root / "usr/bin/prometheus-alertmanager")
        if unpacked.exists():
            unpacked.rename(folder / "old")  # not complete, or it would have been found
        try:
            root.rename(unpacked)
        except OSError:
            if _find(unpacked) is None:  # else: another process was faster, and its tools are as good
                raise


def _download(folder: Path) -> Sequence[Path]:
    """Have apt-get fetch the packages; where it knows of none, have it ask first, with lists of our own."""
    lists, cache = folder / "lists", folder / "cache"
    for made in (lists / "partial", cache / "archives/partial"):
        made.mkdir(parents=True)
    own = [*LIMITS, "-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}"]
    download = ["download", *PACKAGES]
    try:
        _command(["apt-get", *LIMITS, *download], folder)
    except ToolsUnavailable:
        # Sources that are of no concern to us may fail.
        subprocess.run(["apt-get", *own, "update"], cwd=folder, timeout=TIMEOUT_S, capture_output=True)
        _command(["apt-get", *own, *download], folder)
    return sorted(folder.glob("*.deb"))


def _let_templates_be_in_the_working_folder(program: Path) -> None:
    """Debian's Alertmanager reads its templates from a fixed path: have it read one of the same length.

    Relative to the working folder, that is: the folder into which the package was unpacked.
    """
    program.write_bytes(program.read_bytes().replace(_TEMPLATES, _TEMPLATES[1:] + b"/"))


def _command(command: list[str], folder: Path) -> None:
    try:
        run = subprocess.run(
            command, cwd=folder, timeout=TIMEOUT_S, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        failed, told = run.returncode != 0, run.stdout
    except subprocess.TimeoutExpired:
        failed, told = True, f"no end within {TIMEOUT_S} s"
    if failed:
        tail = "\n".join(told.strip().splitlines()[-8:])
        raise ToolsUnavailable(
            "Prometheus and Alertmanager are needed for this test, and could not be fetched. Install them: "
            f"{INSTALL}\n{' '.join(command)} said:\n{tail}"
        )
