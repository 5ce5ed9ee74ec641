"""What a user of ``deploy/clickhouse/users.xml`` may do, told by the embedded engine.

The engine knows one user, ``default``, whose grants and profile it takes from a file at its first open. So
the user asked for is written there under that name, and each is looked at in a process of its own:
``python -m tests.clickhouse_users CONFIG FOLDER`` runs the statements that it reads.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch
from xml.etree import ElementTree

USERS = Path(__file__).parent.parent / "deploy/clickhouse/users.xml"
MIGRATE = "migrate"
"""Instead of a statement: what the sink does at its start, migrations and views."""


def grants(user: str) -> list[str]:
    """The statements that grant this user what it may do."""
    return [str(query.text) for query in ElementTree.parse(USERS).iterfind(f"users/{user}/grants/query")]


def settings_of_reader() -> list[str]:
    """The reader's profile, as SQL writes each setting with its bounds."""
    profile = ElementTree.parse(USERS).find("profiles/reader")
    assert profile is not None
    told = []
    for setting in profile:
        if setting.tag == "constraints":
            continue
        text = f"{setting.tag} = {setting.text}"
        bounds = profile.find(f"constraints/{setting.tag}")
        for bound in bounds if bounds is not None else ():
            text += " CONST" if bound.tag == "readonly" else f" {bound.tag.upper()} {bound.text}"
        told.append(text)
    return told


def run_as(user: str, folder: Path, statements: list[str], password: str = "") -> list[str]:
    """What the engine in `folder` answers this user, one text a statement; a refusal is its error's name.

    The engine logs in with an empty password: raises `RuntimeError` where the user has another one.
    """
    config = _config(user, folder.parent)
    hashed = {
        f"CLICKHOUSE_{each}_SHA256": hashlib.sha256(password.encode()).hexdigest()
        for each in ("WRITER", "READER")
    }
    run = subprocess.run(
        [sys.executable, "-m", "tests.clickhouse_users", config, folder],
        input=json.dumps(statements), env={**os.environ, **hashed}, cwd=USERS.parents[2],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if run.returncode:
        raise RuntimeError(run.stderr)
    answers: list[str] = json.loads(run.stdout)
    return answers


def _config(user: str, folder: Path) -> Path:
    """A configuration of the engine in which `default` is this user."""
    tree = ElementTree.parse(USERS)
    users = tree.getroot().find("users")
    assert users is not None
    for each in list(users):
        if each.tag == user:
            each.tag = "default"
        else:
            users.remove(each)
    for section in ("profiles", "quotas"):
        found = tree.getroot().find(section)
        assert found is not None
        ElementTree.SubElement(found, "default")  # the engine asks for these; a server has them in users.xml
    written = folder / f"users-{user}.xml"
    tree.write(written)
    config = folder / f"config-{user}.xml"
    config.write_text(f"<clickhouse><users_config>{written}</users_config></clickhouse>")
    return config


def _main(config: str, folder: str) -> None:
    from sinks.clickhouse import connect
    from sinks.migrate import create_views, migrate
    from streams.settings import Settings

    # The sink's own way in, but for the configuration.
    with patch("sinks.clickhouse.open_options", return_value={"config-file": config}):
        client = connect(Settings(path=Path(folder)))
    answers = []
    for statement in json.load(sys.stdin):
        try:
            if statement == MIGRATE:
                answers.append(f"{len(migrate(client))} {len(create_views(client))}")
            else:
                answers.append(str(client.command(statement)))
        except Exception as error:
            found = re.findall(r"\((\w+)\)", str(error))
            answers.append(found[-1] if found else str(error))
    client.close()
    print(json.dumps(answers))


if __name__ == "__main__":
    _main(*sys.argv[1:])
