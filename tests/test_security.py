"""TLS and SASL against a real broker: what is right works, what is wrong is told, no secret is ever shown."""

from __future__ import annotations

import asyncio
import io
import logging
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.broker import EmbeddedBroker
from streams.connection import (
    KafkaUnavailable,
    aiokafka_config,
    faust_credentials,
    kafka_python_config,
    open_admin,
)
from streams.emit import emit
from streams.settings import Settings
from streams.topics import init, log_identity

PASSWORD = "correct-horse-battery-staple"
WRONG = "incorrect-horse"
NEW_KEY = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
NAMES = "subjectAltName=IP:127.0.0.1,DNS:localhost"


class Secure:
    """A broker with a listener for passwords over TLS, and one for certificates."""

    def __init__(self, folder: Path, lib: Path) -> None:
        self.folder = folder
        self.ca = self._authority("ca")
        self.other_ca = self._authority("other-ca")
        server = self._certificate("server")
        self.client = self._certificate("client")
        login = "org.apache.kafka.common.security"
        self.broker = EmbeddedBroker(
            folder / "data",
            lib=lib,
            listeners={"SECURE": "SASL_SSL", "MUTUAL": "SSL"},
            properties={
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(server),
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(self.ca),
                "listener.name.mutual.ssl.client.auth": "required",
                "listener.name.secure.sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
                "listener.name.secure.scram-sha-512.sasl.jaas.config": (
                    f"{login}.scram.ScramLoginModule required;"
                ),
                "listener.name.secure.plain.sasl.jaas.config": (
                    f"{login}.plain.PlainLoginModule required "
                    f'user_ann="{PASSWORD}" user_stranger="{PASSWORD}";'
                ),
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS;User:ann;User:CN=client",
            },
        )

    def add_users(self) -> None:
        """SCRAM users live in the broker."""
        from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

        users = [
            UserScramCredentialUpsertion(user, ScramMechanism.SCRAM_SHA_512, PASSWORD)
            for user in ("ann", "stranger")
        ]
        with open_admin({"bootstrap_servers": [self.broker.bootstrap]}, self.broker.bootstrap) as admin:
            assert admin.alter_user_scram_credentials(users) == {"ann": None, "stranger": None}

    def settings(self, **more: Any) -> Settings:
        """Right settings for ann, or with something else."""
        right = {
            "broker": self.broker.address("SECURE"),
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_username": "ann",
            "sasl_password": PASSWORD,
            "ssl_cafile": self.ca,
        }
        return Settings.model_validate({**right, **more})

    def _openssl(self, *words: object) -> None:
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=self.folder)

    def _authority(self, name: str) -> Path:
        self._openssl(
            *NEW_KEY,
            *("-x509", "-days", "2"),
            *("-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}"),
            *("-addext", "keyUsage=critical,keyCertSign"),
        )
        return self.folder / f"{name}.pem"

    def _certificate(self, name: str) -> Path:
        """A file with the key and the certificate, signed by the first authority."""
        self._openssl(
            *NEW_KEY,
            *("-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}"),
        )
        (self.folder / f"{name}.ext").write_text(NAMES)
        self._openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-days", "2", "-out", f"{name}.crt", "-extfile", f"{name}.ext"),
        )
        both = self.folder / f"{name}.pem"
        both.write_text("".join((self.folder / f"{name}.{end}").read_text() for end in ("key", "crt")))
        return both


@pytest.fixture(scope="module")
def secure(broker_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    made = Secure(tmp_path_factory.mktemp("secure"), broker_jars)
    with made.broker:
        made.add_users()
        yield made


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that is logged, the client libraries' DEBUG included; must hold no password."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield text
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
    for secret in (PASSWORD, WRONG):
        assert secret not in text.getvalue()


@pytest.fixture
def events(tmp_path: Path) -> Path:
    file = tmp_path / "events.ndjson"
    file.write_text('{"user_id":"ann","occurred_at":"2026-01-31T09:00:00Z"}\n' * 3)
    return file


def consumed(settings: Settings, count: int) -> int:
    from aiokafka import AIOKafkaConsumer

    async def read() -> int:
        consumer = AIOKafkaConsumer(
            settings.topic("events"), auto_offset_reset="earliest", **aiokafka_config(settings)
        )
        await consumer.start()
        found = 0
        try:
            async with asyncio.timeout(20):
                while found < count:
                    found += sum(map(len, (await consumer.getmany(timeout_ms=200)).values()))
        finally:
            await consumer.stop()
        return found

    return asyncio.run(read())


pytestmark = pytest.mark.usefixtures("clean_environment")


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
def test_password_over_tls(mechanism: str, secure: Secure, events: Path, logged: io.StringIO) -> None:
    settings = secure.settings(sasl_mechanism=mechanism, topic_prefix=f"{mechanism}-")
    assert {report.outcome for report in init(settings)} == {"created"}
    assert emit(settings, [events]).sent == 3
    assert consumed(settings, 3) == 3
    assert set(log_identity(settings)) == {"cluster", "events", "rows"}
    assert "kafka" in logged.getvalue()


def test_certificates_on_both_sides(secure: Secure, events: Path) -> None:
    settings = Settings(
        broker=secure.broker.address("MUTUAL"),
        security_protocol="SSL",
        ssl_cafile=secure.ca,
        ssl_certfile=secure.client,
        topic_prefix="mutual-",
    )
    init(settings)
    assert emit(settings, [events]).sent == 3
    assert consumed(settings, 3) == 3


def plain_port(secure: Secure) -> dict[str, Any]:
    return {"broker": secure.broker.bootstrap}


def no_certificate(secure: Secure) -> dict[str, Any]:
    return {"broker": secure.broker.address("MUTUAL"), "security_protocol": "SSL"}


WRONGS: list[tuple[Callable[[Secure], dict[str, Any]], str]] = [
    (lambda secure: {"sasl_password": WRONG}, "refused the user 'ann'.*GROUPBEAT_SASL_PASSWORD"),
    (lambda secure: {"sasl_password": WRONG, "sasl_mechanism": "PLAIN"}, "refused the user 'ann'"),
    (lambda secure: {"sasl_username": "nobody"}, "refused the user 'nobody'.*GROUPBEAT_SASL_USERNAME"),
    (
        lambda secure: {"sasl_mechanism": "SCRAM-SHA-256"},
        "does not offer SCRAM-SHA-256.*GROUPBEAT_SASL_MECHANISM",
    ),
    (lambda secure: {"ssl_cafile": secure.other_ca}, "certificate is not trusted.*GROUPBEAT_SSL_CAFILE"),
    (lambda secure: {"ssl_cafile": None}, "certificate is not trusted.*the system store"),
    (
        lambda secure: {"ssl_cafile": secure.folder / "none.pem"},
        "TLS files can't be used.*GROUPBEAT_SSL_CAFILE",
    ),
    (lambda secure: {"ssl_cafile": secure.folder / "ca.key"}, "TLS files can't be used"),
    (lambda secure: {"security_protocol": "PLAINTEXT"}, "no answer.*GROUPBEAT_SECURITY_PROTOCOL"),
    (plain_port, "check the port and GROUPBEAT_SECURITY_PROTOCOL|port may be one without"),
    (no_certificate, "no answer.*GROUPBEAT_SSL_CERTFILE"),
    (lambda secure: {"sasl_username": "stranger"}, "does not let the user 'stranger'.*ACLs"),
]


@pytest.mark.parametrize(("wrong", "said"), WRONGS)
def test_what_is_wrong_is_told_within_10_s(
    wrong: Callable[[Secure], dict[str, Any]],
    said: str,
    secure: Secure,
    events: Path,
    logged: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = secure.settings(**wrong(secure))
    start = time.monotonic()
    with pytest.raises(KafkaUnavailable, match=said) as told:
        init(settings)
    assert time.monotonic() - start < 10
    monkeypatch.setattr("streams.connection.ANSWER_TIMEOUT_S", 2.0)
    with pytest.raises(KafkaUnavailable, match=said):
        emit(settings, [events])
    for error in chain(told.value):
        assert PASSWORD not in f"{error!r} {error}"
        assert WRONG not in f"{error!r} {error}"


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those behind it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def test_nothing_prints_a_password(secure: Secure) -> None:
    settings = secure.settings()
    credentials = faust_credentials(settings)
    shown = (
        f"{settings!r} {settings} {kafka_python_config(settings)} {aiokafka_config(settings)} {credentials!r}"
    )
    assert PASSWORD not in shown
    assert "**********" in shown
    assert PASSWORD not in repr(secure.broker)


def test_faust_gets_what_aiokafka_takes(secure: Secure) -> None:
    from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

    auth = credentials_to_aiokafka_auth(faust_credentials(secure.settings()), None)
    config = aiokafka_config(secure.settings())
    assert {name: auth[name] for name in auth if name != "ssl_context"} == {
        name: config[name] for name in config if name not in ("ssl_context", "bootstrap_servers")
    }
    assert auth["ssl_context"].get_ca_certs() == config["ssl_context"].get_ca_certs()
    tls = credentials_to_aiokafka_auth(
        faust_credentials(Settings(security_protocol="SSL", ssl_cafile=secure.ca)), None
    )
    assert tls["security_protocol"] == "SSL"
    assert faust_credentials(Settings()) is None


def test_a_whole_pipeline_over_tls_with_a_password(secure: Secure, events: Path, tmp_path: Path) -> None:
    from sinks.query import query
    from streams.pipeline import Pipeline

    settings = secure.settings(topic_prefix="whole-", path=tmp_path / "clickhouse")
    init(settings)
    pipeline = Pipeline(settings, tmp_path)
    try:
        pipeline.start()
        emit(settings, [events])
        pipeline.wait_ready()
        pipeline.wait_drained(60)
        [(consumed,)] = query(pipeline.settings, "SELECT sum(consumed) FROM receipts WHERE stage = 'intake'")[
            1
        ]
        assert consumed == 3
    finally:
        pipeline.stop()
    for child in pipeline.children:
        assert PASSWORD not in child.log.read_text()
