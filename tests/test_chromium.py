"""Where Chromium can't be had, it says how to install it, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chromium import ensure_chromium
from tests.prometheus_tools import ToolsUnavailable
from tests.test_prometheus_tools import program


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    return tmp_path / "var/chromium"


def test_without_apt_it_says_what_to_install(bin_folder: Path, unpacked: Path) -> None:
    with pytest.raises(ToolsUnavailable, match="Chromium is needed for this test: apt-get install chromium"):
        ensure_chromium(unpacked)
    assert not unpacked.parent.exists()


def test_what_apt_says_is_told(bin_folder: Path, unpacked: Path) -> None:
    program(bin_folder / "dpkg-deb")
    program(bin_folder / "apt-get", "echo no network >&2; exit 100")
    with pytest.raises(ToolsUnavailable, match=r"apt-get install chromium (.|\n)*said:\nno network"):
        ensure_chromium(unpacked)
    assert list(unpacked.parent.iterdir()) == []


def test_a_package_without_its_program_is_told(bin_folder: Path, unpacked: Path) -> None:
    program(bin_folder / "apt-get", "echo > cache/archives/some.deb")
    program(bin_folder / "dpkg-deb", '/bin/mkdir -p "$3/usr/lib/chromium"')
    with pytest.raises(ToolsUnavailable, match="lacks its program"):
        ensure_chromium(unpacked)


def test_what_is_installed_comes_first_and_what_is_unpacked_next(bin_folder: Path, unpacked: Path) -> None:
    there = program(unpacked / "usr/lib/chromium/chromium-headless-shell")
    library = program(unpacked / "usr/lib/some-linux-gnu/libopus.so.0")
    found = ensure_chromium(unpacked)
    assert found.path == there
    assert found.environment["LD_LIBRARY_PATH"] == str(library.parent)
    assert found.environment["FONTCONFIG_FILE"] == str(unpacked / "fonts.conf")
    installed = program(bin_folder / "chromium")
    assert ensure_chromium(unpacked).path == installed
