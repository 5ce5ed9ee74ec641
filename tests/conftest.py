"""Fixtures for all tests: one real broker for the session, and settings with topics of their own."""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from streams.settings import Settings

# kafka-python is imported inside the fixtures: on import it uses what Python 3.11 calls deprecated, and the
# filter below is only in force once pytest is configured.

REPO = Path(__file__).parent.parent
JARS = REPO / "var/kafka/lib"
WITHOUT_BROKER = os.environ.get("GROUPBEAT_WITHOUT_BROKER") == "1"

_prefixes = (f"test{number}-" for number in itertools.count())


def pytest_configure(config: pytest.Config) -> None:
    """Settings of all tests; and let pass what the client libraries are to blame for."""
    # A first example may have to wait for a kernel to be compiled.
    hypothesis.settings.register_profile("groupbeat", deadline=None)
    hypothesis.settings.load_profile("groupbeat")
    config.addinivalue_line("filterwarnings", "ignore:(read|open)_text is deprecated:DeprecationWarning")


LONGEST = (
    "fault/test_kill9.py",
    "integration/test_pipeline.py",
    "integration/test_rebuild.py",
    "test_clock.py",
    "test_hashing.py",
    "test_prefix.py",
    "integration/test_alerting.py",
    "test_rebuild.py",
    "test_chains.py",
    "test_groups.py",
    "test_cdnow_page.py",
)
"""Files that take long, and so begin first. A process is given a second file beside its first: hence two
short ones among them."""


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a file run in one of the processes that share the work: so its fixtures are made once.

    The longest come first, then those that use a broker: they mostly wait. These are marked so, and skipped
    where the environment says that there is none.
    """
    items.sort(key=lambda item: (_place(item), not _uses_broker(item)))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_file(item)))
        if _uses_broker(item):
            item.add_marker("broker")
            if WITHOUT_BROKER:
                item.add_marker(pytest.mark.skip(reason="GROUPBEAT_WITHOUT_BROKER=1"))


def _file(item: pytest.Item) -> str:
    return item.path.relative_to(REPO / "tests").as_posix()


def _place(item: pytest.Item) -> int:
    return LONGEST.index(_file(item)) if _file(item) in LONGEST else len(LONGEST)


def _uses_broker(item: pytest.Item) -> bool:
    return bool({"broker", "broker_jars"} & set(getattr(item, "fixturenames", ())))


@pytest.fixture(scope="session")
def kernels() -> None:
    """Every kernel is compiled and kept on disk: processes that tests start, and kill, find them there.

    That takes minutes of CPU when they are new. Test processes share the stages out among them.
    """
    from streams.flow import stages
    from tests.generate import community, records
    from tests.local_run import PARTITIONS, Run

    values = community(1, 500, 30, 60, start_ms=1_700_000_000_000)
    log = list(records(values, partitions=PARTITIONS, timestamp_ms=1_790_000_000_000))
    names = ["users", "groups", "chains"]
    first = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % len(names)
    names = names[first:] + names[:first]
    locks = REPO / "var"
    locks.mkdir(exist_ok=True)
    for flags in (fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_EX):
        for name in list(names):
            with (locks / f"kernels-{name}.lock").open("w") as lock:
                try:
                    fcntl.flock(lock, flags)
                except BlockingIOError:
                    continue
                asyncio.run(Run(log, stages=stages(f"intake,{name}")).finish())
                names.remove(name)


@pytest.fixture(scope="session")
def broker_jars() -> Path:
    """The folder of the broker's jars. Fails, rather than skips, without Java or Maven."""
    from streams.broker import BrokerUnavailable, EmbeddedBroker

    try:
        EmbeddedBroker(REPO / "var/kafka/unused", lib=JARS).ensure_jars()
    except BrokerUnavailable as error:
        pytest.fail(
            f"{error}\n(GROUPBEAT_WITHOUT_BROKER=1 skips the tests that need a broker)", pytrace=False
        )
    return JARS


@pytest.fixture(scope="session")
def broker(broker_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running broker's address, shared by the session."""
    from streams.broker import BrokerUnavailable, EmbeddedBroker

    running = EmbeddedBroker(tmp_path_factory.mktemp("broker"), lib=broker_jars)
    try:
        running.start()
    except BrokerUnavailable as error:
        pytest.fail(str(error), pytrace=False)
    with running:
        yield running.bootstrap


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but the defaults: neither the environment's nor those of a file .env."""
    for name in list(os.environ):
        if name.startswith("GROUPBEAT_"):
            monkeypatch.delenv(name)
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture
def settings(broker: str, clean_environment: None) -> Settings:
    """Settings for the shared broker, with a topic prefix that no other test has."""
    return Settings(broker=broker, topic_prefix=next(_prefixes))
