"""A headless Chromium for tests: the one that is installed, or Debian's packages unpacked.

As in `tests.prometheus_tools`, nothing is installed: packages are fetched with apt-get, with what they depend
on, and unpacked into a folder, which needs no root. Where that can't be, tests that need it fail and say how
to install it. It is driven by the DevTools protocol over two pipes, so it opens no port.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.prometheus_tools import LIMITS, TIMEOUT_S, ToolsUnavailable

UNPACKED = Path(__file__).parent.parent / "var/chromium"
PACKAGE = "chromium-headless-shell"
FONTS = "fonts-dejavu-core"
INSTALL = "apt-get install chromium  (macOS: brew install --cask chromium)"
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--mute-audio",
    "--force-color-profile=srgb", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
FONTS_CONF = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
<include ignore_missing="yes">/etc/fonts/fonts.conf</include>
<dir>{folder}/usr/share/fonts</dir><cachedir>{folder}/cache</cachedir>
<alias><family>system-ui</family><prefer><family>DejaVu Sans</family></prefer></alias>
</fontconfig>
"""


@dataclass(frozen=True)
class Program:
    """How to run it."""

    path: Path
    environment: dict[str, str]


def ensure_chromium(unpacked: Path = UNPACKED) -> Program:
    """The one on the PATH, else the one unpacked before, else fetch it. Raises `ToolsUnavailable`."""
    found = _find(unpacked)
    if found is None:
        _fetch(unpacked)
        found = _find(unpacked)
    if found is None:
        raise ToolsUnavailable(f"the package {PACKAGE} lacks its program: {INSTALL}")
    return found


def _find(unpacked: Path) -> Program | None:
    for name in NAMES:
        if on_path := shutil.which(name):
            return Program(Path(on_path), dict(os.environ))
    path = unpacked / "usr/lib/chromium" / PACKAGE
    if not path.is_file():
        return None
    libraries = {str(library.parent) for library in (unpacked / "usr/lib").glob("**/*.so*")}
    return Program(
        path,
        {
            **os.environ,
            "LD_LIBRARY_PATH": ":".join(sorted(libraries - {str(path.parent)})),
            "FONTCONFIG_FILE": str(unpacked / "fonts.conf"),
        },
    )


def _fetch(unpacked: Path) -> None:
    """Unpack the package and those that are missing for it into a folder, all or nothing."""
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise ToolsUnavailable(f"Chromium is needed for this test: {INSTALL}")
    unpacked.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".chromium-", dir=unpacked.parent) as temporary:
        folder = Path(temporary)
        root = folder / "root"
        root.mkdir()
        for package in _download(folder):
            _command(["dpkg-deb", "-x", str(package), str(root)], folder)
        (root / "fonts.conf").write_text(FONTS_CONF.format(folder=unpacked))
        if unpacked.exists():
            unpacked.rename(folder / "old")  # not complete, or it would have been found
        try:
            root.rename(unpacked)
        except OSError:
            if _find(unpacked) is None:  # else: another process was faster
                raise


def _download(folder: Path) -> Sequence[Path]:
    """Have apt-get fetch what is not installed; where its lists are old or none, with lists of our own."""
    lists, cache = folder / "lists", folder / "cache"
    for made in (lists / "partial", cache / "archives/partial"):
        made.mkdir(parents=True)
    options = [*LIMITS, "-o", "Debug::NoLocking=1", "-o", f"Dir::Cache={cache}", "-o", "APT::Sandbox::User="]
    install = ["install", "--yes", "--download-only", "--no-install-recommends", PACKAGE, FONTS]
    try:
        _command(["apt-get", *options, *install], folder)
    except ToolsUnavailable:
        own = [*options, "-o", f"Dir::State::Lists={lists}"]
        # Sources that are of no concern to us may fail.
        subprocess.run(["apt-get", *own, "update"], cwd=folder, timeout=TIMEOUT_S, capture_output=True)
        _command(["apt-get", *own, *install], folder)
    return sorted((cache / "archives").glob("*.deb"))


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
            f"Chromium is needed for this test, and could not be fetched. Install it: {INSTALL}\n"
            f"{' '.join(command)} said:\n{tail}"
        )


class Browser:
    """A running Chromium with one page."""

    def __init__(self, program: Program, profile: Path) -> None:
        to_read, self._out = os.pipe()
        self._in, to_write = os.pipe()
        # Chromium reads commands from descriptor 3 and answers on 4.
        script = f'exec "$@" 3<&{to_read} 4>&{to_write}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, "chromium", str(program.path), *FLAGS, f"--user-data-dir={profile}"],
            env=program.environment, pass_fds=(to_read, to_write),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        """What it told unasked, since the page was opened."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Do something, and wait for the answer."""
        self._number += 1
        command: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._out, json.dumps(command).encode() + b"\0")
        while True:
            message = self._read()
            if message.get("id") == self._number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                result: dict[str, Any] = message["result"]
                return result
            self.events.append(message)

    def open(self, url: str, *, wide: int, high: int, dark: bool, media: str = "screen") -> None:
        """Load a page on a screen of this size, and wait until it is there."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=wide, height=high, deviceScaleFactor=1, mobile=wide < 600,
        )  # fmt: skip
        self.events.clear()
        self.call("Page.navigate", url=url)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"]["value"]

    def screenshot(self, scale: float = 1.0) -> bytes:
        """The whole page as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": scale}
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(shot["data"])

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._in, 1 << 20)
            if not more:
                raise RuntimeError(f"Chromium ended with exit code {self._process.wait()}")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message
