"""docs/connect.md is true: its examples print what it says, its SQL grants what docker compose grants."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.broker.config import free_ports
from tests.clickhouse_users import grants, run_as, settings_of_reader

pytestmark = pytest.mark.xdist_group("connect_page")  # one database for all

REPO = Path(__file__).parent.parent
PAGE = (REPO / "docs/connect.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BASH = ["/bin/bash", "-euo", "pipefail", "-c"]
EXAMPLES = [
    (language, code, BLOCKS[number + 1][1])
    for number, (language, code) in enumerate(BLOCKS[:-1])
    if BLOCKS[number + 1][0] == "text"
]


@pytest.fixture(scope="module")
def place(kernels: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder with the page's database, and the port on which it answers."""
    folder = tmp_path_factory.mktemp("connect")
    programs = folder / ".venv/bin"
    programs.parent.mkdir()
    programs.symlink_to(Path(sys.executable).parent)
    fill, serve, netrc = (code for _, code in BLOCKS[:3])
    subprocess.run([*BASH, fill], cwd=folder, env=environment(), check=True)
    port = str(free_ports(1)[0])
    process = subprocess.Popen(
        serve.replace("8123", port).split(), cwd=folder, env=environment(), stderr=subprocess.DEVNULL
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/ping")
        subprocess.run([*BASH, netrc], cwd=folder, env=environment(), check=True)
        yield folder, port
    finally:
        process.terminate()
        process.wait(30)


def environment() -> dict[str, str]:
    """Ours, without settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GROUPBEAT_")}


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@pytest.mark.parametrize("language, code, printed", EXAMPLES)
def test_an_example_prints_what_the_page_says(
    language: str, code: str, printed: str, place: tuple[Path, str]
) -> None:
    folder, port = place
    program = {"sh": BASH, "python": [sys.executable, "-c"]}[language]
    run = subprocess.run(
        [*program, code.replace("8123", port)], cwd=folder, env=environment(),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.stdout == printed, run.stderr


def test_the_page_has_examples_of_both() -> None:
    assert [language for language, _, _ in EXAMPLES] == ["sh", "sh", "sh", "python"]


def statements() -> list[str]:
    [sql] = [code for language, code in BLOCKS if language == "sql"]
    return [statement.strip() for statement in sql.split(";") if statement.strip()]


@pytest.mark.parametrize("user", ["writer", "reader"])
def test_the_page_grants_what_compose_grants(user: str) -> None:
    ending = f" TO {user}"
    told = [each.removesuffix(ending) for each in statements() if each.endswith(ending)]
    assert told == grants(user)


def test_the_profile_of_the_page_is_that_of_compose() -> None:
    [profile] = [each for each in statements() if each.startswith("CREATE SETTINGS PROFILE reader SETTINGS")]
    told = profile.removeprefix("CREATE SETTINGS PROFILE reader SETTINGS ").split(", ")
    assert told == settings_of_reader()


def test_the_engine_parses_the_statements_of_the_page(tmp_path: Path) -> None:
    asked = [f"SELECT formatQuery($q${each}$q$) != ''" for each in [*statements(), "CREATE USR x"]]
    *parsed, wrong = run_as("writer", tmp_path / "engine", asked)
    assert set(parsed) == {"1"}
    assert wrong == "SYNTAX_ERROR"
