"""How far the sink has merged, for showing lag; the offsets in Postgres are the true ones, Kafka's are a copy."""

from __future__ import annotations

import psycopg

from sinks.database_errors import sorted_error
from sinks.statements import STORED_OFFSETS


def stored_offsets(database_url: str) -> dict[tuple[str, int], int]:
    """The next offset to merge by (topic, partition), of the newest creation of each topic.

    Raises RetriableError if Postgres does not answer, ConfigurationError before `setup`.
    """
    try:
        with psycopg.connect(database_url, connect_timeout=5) as connection:
            return {
                (str(topic), int(partition)): int(offset)
                for topic, partition, offset in connection.execute(STORED_OFFSETS)
            }
    except psycopg.Error as exc:
        raise sorted_error(exc) from exc
