"""What a rebuild publishes: what is missing or differs, and nothing else."""

from __future__ import annotations

from collections import Counter

from schemas.batch_codec import BatchDecoder
from schemas.entities import JOBS, TIME_ENTRIES
from schemas.topics import CANONICAL_TOPICS
from streams.outputs import render
from streams.rebuild import Canonical
from streams.records import Output, RawRecord
from streams.state.partition import PartitionState
from tests.unit.streams.factories import PARTITIONS, LocalSchemas, RawTopics, job, shift
from tests.unit.streams.fakes import CODECS


def outputs(*batch: RawRecord) -> list[Output]:
    state = PartitionState(CODECS, partitions=PARTITIONS)
    for raw in batch:
        state.apply(raw)
    return list(render(state, state.take_pending().items(), CODECS, Counter()))


def canonical(*held: Output) -> Canonical:
    found = Canonical({topic: BatchDecoder(topic, LocalSchemas()) for topic in CANONICAL_TOPICS})
    for output in held:
        assert output.key is not None
        found.note(output.topic, output.key, output.value, 1)
    return found


def test_what_is_right_already_is_not_published_whatever_its_version() -> None:
    raw = RawTopics()
    entry = raw.put(JOBS, job())
    (right,), (*_, later) = outputs(entry), outputs(raw.put(TIME_ENTRIES, shift()), entry)
    assert right.value != later.value
    assert canonical(right).differing([later]) == []


def test_what_is_missing_or_wrong_is_published() -> None:
    raw = RawTopics()
    right = outputs(raw.put(JOBS, job()), raw.put(TIME_ENTRIES, shift()))
    wrong = outputs(raw.put(JOBS, job(jobName="Wrong")))
    assert canonical().differing(right) == right
    assert canonical(*wrong).differing(right) == right
    assert canonical(right[0]).differing(right) == right[1:]


def test_deletion_is_published_only_where_the_entity_lives() -> None:
    raw = RawTopics()
    alive = outputs(raw.put(JOBS, job()))
    deletion = outputs(*raw.delete(JOBS, "1"))
    assert len(deletion) == 2
    assert canonical().differing(deletion) == []
    assert canonical(*alive, *deletion).differing(deletion) == []
    assert canonical(*alive).differing(deletion) == deletion


def test_strays_are_the_living_that_no_output_named() -> None:
    raw = RawTopics()
    one, two = outputs(raw.put(JOBS, job(1)), raw.put(JOBS, job(2)))
    found = canonical(one, two)
    found.differing([one])
    assert found.unseen == {("protiv.jobs", b"acme/2")}
    assert found.versions == {"acme": 1}


def test_record_that_cannot_be_read_is_published_anew() -> None:
    right = outputs(RawTopics().put(JOBS, job()))
    assert canonical(right[0]._replace(value=b"rubbish")).differing(right) == right
