"""Postgres restored from yesterday: one read later the tables are what the source is, deletions too."""

from __future__ import annotations

import pytest

from tests.faults.recovery.fix_everything import Everything


@pytest.mark.timeout(300)
@pytest.mark.company(jobs=4, shifts=60)
def test_database_from_yesterday_catches_up_with_one_read(everything: Everything) -> None:
    sandbox = everything.site.sandbox
    edited, put_back, deleted, renamed = everything.site.sandbox.listed("shifts", limit=4)
    everything.sync()
    everything.stop()
    everything.keep_backup()

    everything.start()
    added = [
        sandbox.add_shift(
            job_id=edited["job_id"], user_id=edited["user_id"], time_in=f"{edited['time_in'][:10]}T0{hour}:00:00"
        )["id"]
        for hour in (1, 2)
    ]
    sandbox.edit_shift(edited["id"], regular_minutes=101)
    sandbox.edit_shift(put_back["id"], regular_minutes=102)
    sandbox.delete_shift(deleted["id"])
    for minutes in (201, 202, 203):
        sandbox.edit_shift(renamed["id"], regular_minutes=minutes)
        everything.sync()
    everything.until_tables_equal_source()
    everything.stop()
    everything.restore_backup()

    sandbox.edit_shift(edited["id"], regular_minutes=111)
    sandbox.edit_shift(put_back["id"], regular_minutes=put_back["regular_minutes"])
    sandbox.delete_shift(added[0])
    everything.start()
    everything.until_tables_equal_source()
    since = b"SELECT count(*), min(run_seq) > 1000 FROM integration.runs WHERE started_at > (SELECT found_at FROM {})"
    assert everything.rows(since.replace(b"{}", b"integration.run_seq_floors")) == [(1, True)]
    assert "database_was_set_back" in everything.log("poller")
