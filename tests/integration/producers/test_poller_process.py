"""The poller as a process, from a command on the real topic to the raw topics, which fold to what the source shows."""

from __future__ import annotations

import signal

from control.connections import get_connection
from core.dead_letters.letter import header_list
from core.kafka.record_headers import RecordHeaders
from schemas.codec import Decoder
from schemas.entities import ENTITIES
from tests.integration.producers.fix_site import Site
from tests.integration.producers.fix_topics import committed, eventually, of_company


def test_command_is_answered_once_and_the_raw_topics_fold_to_the_source(site: Site) -> None:
    site.connect()
    command_id = site.send()
    poller = site.start_poller()
    assert site.answer(command_id)["type"] == "completed"
    kinds = [event["type"] for event in site.events(command_id)]
    assert kinds[:2] == ["accepted", "started"]
    assert kinds[-1] == "completed"
    assert set(kinds[2:-1]) == {"progress", "entity-complete"}
    assert kinds.count("entity-complete") == len(ENTITIES)

    shifts = {str(shift["id"]): shift for shift in site.sandbox.listed("shifts", limit=1000)}
    folded = site.folded("time-entries")
    assert {key: change["after"]["regularTime"] for key, change in folded.items()} == {
        key: shift["regular_minutes"] for key, shift in shifts.items()
    }

    edited, gone = list(shifts)[:2]
    site.sandbox.edit_shift(int(edited), regular_minutes=77)
    site.sandbox.delete_shift(int(gone))
    answer = site.answer(site.send())
    assert (answer["counts"]["created"], answer["counts"]["updated"], answer["counts"]["deleted"]) == (0, 1, 1)
    folded = site.folded("time-entries")
    assert set(folded) == set(shifts) - {gone}
    assert folded[edited]["after"]["regularTime"] == 77

    poller.send_signal(signal.SIGTERM)
    assert poller.wait(30) == 0
    password = site.sandbox.company["password"]
    assert password not in site.log.read_text()


def test_versions_on_a_partition_strictly_increase_and_headers_match_the_records(site: Site) -> None:
    site.connect()
    site.start_poller()
    site.answer(site.send())
    site.sandbox.edit_shift(site.sandbox.listed("shifts")[0]["id"], regular_minutes=77)
    site.answer(site.send())
    for entity in ENTITIES:
        decode = Decoder(entity.raw_topic, site.stack.registry)
        messages = of_company(committed(site.settings, entity.raw_topic), site.company_id)
        records = [
            (RecordHeaders.decode(header_list(m.headers())), decode(m.value() or b"")) for m in messages if m.value()
        ]
        assert [headers.version for headers, _ in records] == sorted({record["version"] for _, record in records})
        assert {headers.company_id for headers, _ in records} <= {site.company_id}


def test_commands_sent_while_nobody_listens_are_answered_oldest_first(site: Site) -> None:
    site.connect()
    sent = [site.send(entities=["jobs"]), site.send(type="dance"), site.send(entities=["users"])]
    site.start_poller()
    answers = [site.answer(command_id) for command_id in sent]
    assert [answer["type"] for answer in answers] == ["completed", "rejected", "completed"]
    assert answers[1]["message"].startswith("type")
    assert answers[0]["at"] <= answers[2]["at"]


def test_wrong_password_fails_the_command_with_its_words_and_no_further_attempt(site: Site) -> None:
    site.connect(password="not-it")
    site.start_poller()
    answer = site.answer(site.send())
    assert (answer["type"], answer["fault"]) == ("failed", "wrong-credentials")
    assert "did not accept this username or password" in answer["message"]
    assert site.answer(site.send())["fault"] == "wrong-credentials"
    assert site.sandbox.counters()["sign_ins"] == {"successful": 0, "failed": 1}
    assert "not-it" not in site.log.read_text()


def test_poller_killed_in_the_middle_is_succeeded_and_nothing_is_lost(site: Site) -> None:
    site.sandbox.set_switches(latency_ms=150)
    site.connect()
    command_id = site.send()
    first = site.start_poller()
    eventually(lambda: bool(site.folded("time-entries")), what="the first page of shifts")
    first.kill()
    first.wait(20)
    site.sandbox.set_switches(latency_ms=0)
    with site.database.transaction() as tx:
        tx.execute("UPDATE integration.connections SET lease_expires_at = '-infinity'")
    site.start_poller()
    assert site.answer(command_id)["type"] == "completed"
    assert set(site.folded("time-entries")) == {str(shift["id"]) for shift in site.sandbox.listed("shifts", limit=1000)}
    with site.database.transaction() as tx:
        connection = get_connection(tx, site.company_id)
    assert connection is not None
    assert connection.initial_done_at is not None
