"""A real Apache Kafka for demos and tests: one JVM, on localhost only, in a folder of its own.

Not for production: one node, replication factor 1.
"""

from streams.broker.jars import BrokerUnavailable
from streams.broker.process import EmbeddedBroker

__all__ = ["BrokerUnavailable", "EmbeddedBroker"]
