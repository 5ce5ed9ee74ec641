"""Where the tools can't be had, it says how to install them, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prometheus_tools import ToolsUnavailable, ensure_tools


def program(path: Path, script: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    return tmp_path / "var/prometheus"


def test_without_apt_it_says_what_to_install(bin_folder: Path, unpacked: Path) -> None:
    with pytest.raises(ToolsUnavailable, match="apt-get install prometheus prometheus-alertmanager"):
        ensure_tools(unpacked)
    assert not unpacked.parent.exists()


def test_what_apt_says_is_told(bin_folder: Path, unpacked: Path) -> None:
    program(bin_folder / "dpkg-deb")
    program(bin_folder / "apt-get", "echo no network >&2; exit 100")
    with pytest.raises(ToolsUnavailable, match=r"apt-get install prometheus (.|\n)*said:\nno network"):
        ensure_tools(unpacked)
    assert list(unpacked.parent.iterdir()) == []


def test_a_package_without_a_program_is_told(bin_folder: Path, unpacked: Path) -> None:
    program(bin_folder / "apt-get", "echo > some.deb")
    program(
        bin_folder / "dpkg-deb",
        '/bin/mkdir -p "$3/usr/bin"; echo > "$3/usr/bin/prometheus-alertmanager"; echo > "$3/usr/bin/amtool"',
    )
    with pytest.raises(ToolsUnavailable, match="lack a program"):
        ensure_tools(unpacked)


def test_what_is_installed_comes_first_and_what_is_unpacked_next(bin_folder: Path, unpacked: Path) -> None:
    for name in ("prometheus", "prometheus-alertmanager"):
        program(unpacked / "usr/bin" / name)
    promtool, amtool = program(bin_folder / "promtool"), program(bin_folder / "amtool")
    installed = program(bin_folder / "alertmanager")
    tools = ensure_tools(unpacked)
    assert (tools.promtool, tools.amtool, tools.alertmanager) == (promtool, amtool, installed)
    assert tools.prometheus == unpacked / "usr/bin/prometheus"
    assert tools.cwd == unpacked
