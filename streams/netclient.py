"""kafka-python's network client, mended: it ends at once on a wrong password, says why, and cleans up.

What is mended was seen in kafka-python 3.0.12; `tests/test_security.py` holds it against a real broker.
"""

from __future__ import annotations

from typing import Any

from kafka import errors as kafka_errors
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

FINAL = (
    kafka_errors.InvalidReceiveError,  # what answers there is no Kafka, or one with TLS
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedSaslMechanismError,
)
"""Errors that trying again does not mend."""


class Connections(KafkaConnectionManager):  # type: ignore[misc]  # untyped
    """kafka-python's connections, that end at once on a wrong password, and keep why the last one failed.

    As it comes, it tries again until its time is over and then says only that it is.
    """

    def __init__(self, net: NetworkSelector, **config: Any) -> None:
        super().__init__(net, **config)
        self.why: BaseException | None = None

    def get_connection(self, *args: Any, **kwargs: Any) -> Any:
        if isinstance(self.why, FINAL):
            raise self.why
        connection = super().get_connection(*args, **kwargs)
        connection.init_future.add_errback(self._failed)
        return connection

    async def _build_transport(self, *args: Any, **kwargs: Any) -> Any:
        transport = await super()._build_transport(*args, **kwargs)
        receive = transport._sock_recv

        def receive_last_words() -> tuple[bytes, BaseException | None]:
            # When an answer and the end of the connection come together it drops the answer, and with it why
            # the broker hung up. The end is still there to be read the next time.
            data, error = receive()
            return (data, None) if data else (data, error)

        transport._sock_recv = receive_last_words
        return transport

    def _failed(self, error: BaseException) -> None:
        self.why = error


class NetClients:
    """A ``kafka_client`` for kafka-python's clients that leaves no thread and no socket behind.

    Their constructors connect, and when that fails they keep both.
    """

    def __init__(self) -> None:
        self._made: list[tuple[KafkaNetClient, Connections]] = []

    def __call__(self, **config: Any) -> KafkaNetClient:
        net = NetworkSelector(**config)
        manager = Connections(net, **config)
        client = KafkaNetClient(net=net, manager=manager, **config)
        self._made.append((client, manager))
        return client

    @property
    def why(self) -> BaseException | None:
        """Why the last connection failed, if one did."""
        return next((manager.why for _, manager in self._made if manager.why), None)

    def close(self) -> None:
        for client, _ in self._made:
            client.close()
