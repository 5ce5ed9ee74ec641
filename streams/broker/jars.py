"""The broker's jars: fetched by Maven once, from the pom beside this file.

They are copied into a temporary folder that is renamed when complete: an interrupted download never counts.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
INSTALL = "apt-get install openjdk-17-jre-headless maven  (macOS: brew install openjdk@17 maven)"
JAVA_AT_LEAST = 17
DOWNLOAD_TIMEOUT_S = 900


class BrokerUnavailable(RuntimeError):
    """The broker can't be started; the message says why and what to do."""


def find_java() -> str:
    """The path of a Java that is new enough. Raises `BrokerUnavailable`."""
    java = shutil.which("java")
    if java is None:
        raise BrokerUnavailable(f"the broker needs Java {JAVA_AT_LEAST} or newer, none was found: {INSTALL}")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60)
    found = re.search(r'version "(?:1\.)?(\d+)', told.stderr + told.stdout)
    if told.returncode != 0 or found is None:
        raise BrokerUnavailable(f"{java} -version failed: {(told.stderr or told.stdout).strip()}: {INSTALL}")
    if int(found[1]) < JAVA_AT_LEAST:
        raise BrokerUnavailable(
            f"the broker needs Java {JAVA_AT_LEAST} or newer, {java} is Java {found[1]}: {INSTALL}"
        )
    return java


def have_jars(lib: Path) -> bool:
    """Whether `lib` holds the jars of the pom as it is now."""
    copied = lib / POM.name
    return copied.is_file() and copied.read_bytes() == POM.read_bytes()


def fetch_jars(lib: Path) -> None:
    """Have Maven copy the jars into `lib`, all or nothing. Raises `BrokerUnavailable`."""
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerUnavailable(f"the broker's jars are fetched by Maven, none was found: {INSTALL}")
    lib.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{lib.name}-", dir=lib.parent) as temporary:
        fresh = Path(temporary) / "fresh"
        command = [
            maven,
            "-q",
            "-B",
            "-f",
            str(POM),
            "dependency:copy-dependencies",
            f"-DoutputDirectory={fresh}",
        ]
        try:
            run = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=DOWNLOAD_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired as error:
            raise BrokerUnavailable(
                f"Maven took more than {DOWNLOAD_TIMEOUT_S} s to fetch the broker's jars: is there a network?"
            ) from error
        if run.returncode != 0 or not any(fresh.glob("kafka_*.jar")):
            tail = "\n".join(run.stdout.strip().splitlines()[-12:])
            raise BrokerUnavailable(
                f"Maven could not fetch the broker's jars (a proxy goes into ~/.m2/settings.xml):\n{tail}"
            )
        shutil.copyfile(POM, fresh / POM.name)
        if lib.exists() and not have_jars(lib):
            lib.rename(Path(temporary) / "old")
        try:
            fresh.rename(lib)
        except OSError:
            if not have_jars(lib):  # else: another process was faster, and its jars are as good
                raise
