"""How we connect to Kafka: settings as each client library takes them, errors as people can act on them.

A password is in no error, no `repr` and no log line, those of the client libraries at DEBUG included.
"""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from kafka import KafkaAdminClient
from kafka import errors as kafka_errors

from streams.netclient import NetClients
from streams.settings import Settings

if TYPE_CHECKING:
    import faust

UNREACHABLE = {
    "IncompatibleBrokerVersion",
    "InvalidReceiveError",
    "KafkaConnectionError",
    "KafkaTimeoutError",
    "NodeNotReadyError",
    "RequestTimedOutError",
    "TimeoutError",
}
CONNECT_TIMEOUT_S = 4.0
"""For TCP and TLS to the first server that answers."""
ANSWER_TIMEOUT_S = 5.0
"""For the broker's first answers, credentials included."""


class KafkaError(RuntimeError):
    """Kafka did not do what we asked; the message says what to check."""


class KafkaUnavailable(KafkaError):
    """The broker can't be reached, does not know us, or does not let us."""


def kafka_python_config(settings: Settings) -> dict[str, Any]:
    """Keyword arguments for kafka-python's clients. Raises `KafkaUnavailable` for unreadable TLS files."""
    config: dict[str, Any] = {
        "bootstrap_servers": settings.servers,
        "security_protocol": settings.security_protocol,
    }
    if context := _ssl_context(settings):
        config["ssl_context"] = context
    if settings.security_protocol.startswith("SASL"):
        config["sasl_mechanism"] = settings.sasl_mechanism
        config["sasl_plain_username"] = settings.sasl_username
        config["sasl_plain_password"] = _password(settings)
        _hide_credentials_in_logs()
    return config


def aiokafka_config(settings: Settings) -> dict[str, Any]:
    """Keyword arguments for the clients of aiokafka; it calls everything by the same names."""
    return kafka_python_config(settings)


def faust_credentials(settings: Settings) -> faust.SSLCredentials | faust.SASLCredentials | None:
    """``broker_credentials`` of a Faust app. Raises `KafkaUnavailable` for unreadable TLS files."""
    import faust  # here: it takes half a second, and only the worker needs it

    context = _ssl_context(settings)
    if settings.security_protocol.startswith("SASL"):
        _hide_credentials_in_logs()
        return faust.SASLCredentials(
            username=settings.sasl_username,
            password=_password(settings),
            ssl_context=context,
            mechanism=settings.sasl_mechanism,
        )
    return faust.SSLCredentials(context) if context else None


def check_reachable(settings: Settings) -> None:
    """Whether one of the servers answers by TCP, and by TLS where that is set; within 4 s.

    The clients try again and again without a word of why; this says it. Raises `KafkaUnavailable`.
    """
    context = _ssl_context(settings)
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    failures = []
    for server in settings.servers:
        host, _, port = server.rpartition(":")
        host = host.strip("[]")
        left_s = max(0.2, deadline - time.monotonic())
        try:
            with socket.create_connection((host, int(port)), timeout=left_s) as raw:
                if context is not None:
                    context.wrap_socket(raw, server_hostname=host).close()
                return
        except OSError as error:
            failures.append(f"{server}: {_network_reason(error, settings)}")
    raise KafkaUnavailable("; ".join(failures))


@contextmanager
def open_admin(
    config: dict[str, Any], address: str, *, timeout_s: float | None = None
) -> Iterator[KafkaAdminClient]:
    """kafka-python's admin client, closed in every case; its errors come out as `KafkaError`."""
    timeout_ms = int((timeout_s or ANSWER_TIMEOUT_S) * 1000)
    with explained(address, config), closing(NetClients()) as net_clients:
        try:
            admin = KafkaAdminClient(
                **config,
                client_id="groupbeat-admin",
                kafka_client=net_clients,
                bootstrap_timeout_ms=timeout_ms,
                request_timeout_ms=timeout_ms,
                reconnect_backoff_max_ms=1000,
            )
        except kafka_errors.KafkaTimeoutError as error:
            raise net_clients.why or error from error
        with closing(admin):
            yield admin


@contextmanager
def connected_admin(settings: Settings) -> Iterator[KafkaAdminClient]:
    """The admin client for these settings. Raises `KafkaUnavailable` within 10 s, with what to check."""
    config = kafka_python_config(settings)
    check_reachable(settings)
    with open_admin(config, settings.broker) as admin:
        yield admin


@contextmanager
def explained(address: str, config: dict[str, Any]) -> Iterator[None]:
    """Errors of kafka-python in this block come out as `KafkaError`, saying what to check."""
    try:
        yield
    except kafka_errors.KafkaError as error:
        raise explain(error, address, config) from error


def explain(error: BaseException, address: str, config: dict[str, Any]) -> KafkaError:
    """What a client's error (kafka-python's or aiokafka's, they share names) means and what to check."""
    kind = type(error).__name__
    user = config.get("sasl_plain_username")
    mechanism = config.get("sasl_mechanism")
    if kind in ("SaslAuthenticationFailedError", "AuthenticationFailedError", "SaslAuthenticationFailed"):
        return KafkaUnavailable(
            f"Kafka at {address} refused the user {user!r} ({mechanism}): check GROUPBEAT_SASL_USERNAME, "
            "GROUPBEAT_SASL_PASSWORD and GROUPBEAT_SASL_MECHANISM"
        )
    if kind == "UnsupportedSaslMechanismError":
        return KafkaUnavailable(
            f"Kafka at {address} does not offer {mechanism}: check GROUPBEAT_SASL_MECHANISM, and "
            "sasl.enabled.mechanisms of the broker"
        )
    if "Authorization" in kind:
        return KafkaUnavailable(
            f"Kafka at {address} does not let the user {user or 'ANONYMOUS'!r} do this ({kind}): "
            "check the broker's ACLs for our topics, groups and the cluster"
        )
    detail = str(error) if kind in str(error) else f"{kind}: {error}"
    if kind in UNREACHABLE:
        protocol = config.get("security_protocol", "PLAINTEXT")
        certificate = (
            " (does the broker ask for a certificate? GROUPBEAT_SSL_CERTFILE)" if "SSL" in protocol else ""
        )
        return KafkaUnavailable(
            f"no answer from Kafka at {address} ({detail}): check GROUPBEAT_BROKER, "
            f"GROUPBEAT_SECURITY_PROTOCOL, now {protocol}{certificate}, and that the broker's "
            "advertised.listeners can be reached from here"
        )
    return KafkaError(f"Kafka at {address}: {detail}")


class _Password(str):
    """A str that a client library may use, and that prints as ``**********`` inside a dict it logs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'**********'"


def _password(settings: Settings) -> str | None:
    return _Password(settings.sasl_password.get_secret_value()) if settings.sasl_password else None


def _ssl_context(settings: Settings) -> ssl.SSLContext | None:
    try:
        return settings.ssl_context()
    except OSError as error:  # ssl.SSLError is one
        raise KafkaUnavailable(
            f"the TLS files can't be used ({error}): check GROUPBEAT_SSL_CAFILE, GROUPBEAT_SSL_CERTFILE and "
            "GROUPBEAT_SSL_KEYFILE"
        ) from error


def _network_reason(error: OSError, settings: Settings) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({error.verify_message}): check GROUPBEAT_SSL_CAFILE "
            f"(now {settings.ssl_cafile or 'the system store'}) and that the host name is in the certificate"
        )
    if isinstance(error, ssl.SSLError):
        return f"no TLS there ({error.reason}): check the port and GROUPBEAT_SECURITY_PROTOCOL"
    if isinstance(error, TimeoutError):
        return (
            "no answer: check GROUPBEAT_BROKER and the firewall (with TLS set, the port may be one without)"
        )
    if isinstance(error, socket.gaierror):
        return f"no such host ({error.strerror}): check GROUPBEAT_BROKER"
    return f"{error.strerror or error}: is Kafka running there? check GROUPBEAT_BROKER"


class _NoWireLogs(logging.Filter):
    """Client libraries log each byte they send at DEBUG; to authenticate by PLAIN is to send the password."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG


_NO_WIRE_LOGS = _NoWireLogs()


def _hide_credentials_in_logs() -> None:
    for name in ("kafka.net.connection", "kafka.protocol.parser", "aiokafka.conn"):
        logging.getLogger(name).addFilter(_NO_WIRE_LOGS)  # once: a filter is not added twice
