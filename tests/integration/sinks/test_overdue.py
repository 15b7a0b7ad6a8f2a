"""A sink that comes back after longer than the topics keep deletions, on the real topics and tables."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contract.sinks.fix_postgres import rows
from tests.fix_stack import Stack
from tests.integration.sinks.fix_sinks import Publisher, RunningSink, until
from tests.unit.sinks.factories import record

Start = Callable[[], RunningSink]

# A row that came from the topic before, of which compaction has taken both the record and its deletion.
_LOST = """
INSERT INTO protiv.time_entries (company_id, time_entry_id, version, observed_at, started_at, work_date, link_status,
  source_generation, source_offset, updated_at)
SELECT company_id, 'lost', 1, observed_at, started_at, work_date, link_status, source_generation, source_offset, now()
FROM protiv.time_entries WHERE company_id = %s AND time_entry_id = '1'
"""


@pytest.mark.parametrize(("away", "deleted"), [("31 days", {"lost"}), ("29 days", set())])
def test_sink_that_was_away_deletes_what_the_topic_lost_and_only_after_deletions_are_gone(
    start_sink: Start, publisher: Publisher, stack: Stack, away: str, deleted: set[str]
) -> None:
    url = publisher.settings.database_url.get_secret_value()
    other = Publisher(publisher.settings, stack.registry)
    first = start_sink()
    for each in (publisher, other):
        each.publish_many([record(entity_id=str(n), version=n + 1) for n in range(3)])
    until(lambda: publisher.count() == 3 and other.count() == 3)
    first.end()
    rows(url, _LOST, publisher.company_id)
    before = other.rows()
    rows(url, f"UPDATE protiv.sink_offsets SET caught_up_at = now() - interval '{away}'")
    start_sink()
    until(
        lambda: rows(url, "SELECT min(caught_up_at) > now() - interval '1 hour' AS is_now FROM protiv.sink_offsets")[0][
            "is_now"
        ]
    )
    assert {row["time_entry_id"] for row in publisher.rows() if row["deleted_at"] is not None} == deleted
    assert publisher.count() == 4
    assert other.rows() == before
