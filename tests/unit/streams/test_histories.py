"""Random histories of parents and children, delivered in random order, with restarts: the final canonical tables equal
an independent recomputation from the final raw state, and no version ever decreases.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import Record
from schemas.entities import BUDGETS, COST_CODES, ENTITIES, ENTITY_BY_NAME, JOBS, TIME_ENTRIES, USERS, Entity
from streams.coding import FLAT_RATE
from streams.records import RawRecord
from tests.unit.streams.factories import RawTopics, budget, cost_code, job, named, shift, user
from tests.unit.streams.fakes import Core

IDS = st.integers(1, 2)
# The catch-all has an id of its own.
NAMED = st.builds(
    lambda code, minutes: named(code[0], code[1], minutes),
    st.one_of(
        st.tuples(st.sampled_from(["A", "B", "C"]), st.sampled_from([None, 1, 2])),
        st.tuples(st.just(FLAT_RATE), st.sampled_from([None, 3])),
    ),
    st.sampled_from([None, "60", "120", "300", "1.002"]),
)
CONTENTS: st.SearchStrategy[tuple[Entity, Record]] = st.one_of(
    st.builds(lambda id_, name: (JOBS, job(id_, jobName=name)), IDS, st.sampled_from(["X", "Y"])),
    st.builds(lambda id_, name: (USERS, user(id_, firstName=name)), IDS, st.sampled_from(["Ana", "Bo"])),
    st.builds(
        lambda id_, title, active: (COST_CODES, cost_code(id_, title, isActive=active)),
        IDS,
        st.sampled_from(["A", "B", "C"]),
        st.booleans(),
    ),
    st.builds(
        lambda id_, job_id, user_id, codes: (
            TIME_ENTRIES,
            shift(id_, jobId=job_id, userID=user_id, costCodes=codes),
        ),
        st.integers(1, 3),
        st.integers(0, 2),
        IDS,
        st.lists(NAMED, max_size=3),
    ),
    st.builds(lambda job_id, code_id: (BUDGETS, budget(job_id, code_id)), IDS, IDS),
)
LINKED = ("link_status", "job_name", "user_name", "cost_code_id", "split_cost_code_ids", "split_minutes")
STEPS = st.lists(st.tuples(CONTENTS, st.booleans()), min_size=1, max_size=25)


def written(steps: list[tuple[tuple[Entity, Record], bool]]) -> tuple[list[RawRecord], dict[tuple[str, str], Record]]:
    """The log of a history in which each step writes or deletes, and the raw entities that exist at its end."""
    raw = RawTopics()
    log: list[RawRecord] = []
    alive: dict[tuple[str, str], Record] = {}
    for (entity, content), deletes in steps:
        place = entity.name, entity.stated_id(content)
        if deletes and place in alive:
            log += raw.delete(entity, place[1])
            del alive[place]
        else:
            log.append(raw.put(entity, content))
            alive[place] = content
    return log, alive


def delivery(log: list[RawRecord], data: st.DataObject) -> list[RawRecord]:
    """The log as five topics deliver it: each in its order, one against the other in any."""
    queues = {entity: [raw for raw in log if raw.entity is entity] for entity in ENTITIES}
    order = data.draw(st.permutations([raw.entity for raw in log]))
    return [queues[entity].pop(0) for entity in order]


def expected_links(alive: dict[tuple[str, str], Record]) -> dict[tuple[str, str], tuple[Any, ...]]:
    """The columns that depend on parents, recomputed from the existing entities by the text of the rules."""
    found: dict[tuple[str, str], tuple[Any, ...]] = {}
    codes = {id_: row for (entity, id_), row in alive.items() if entity == "cost-codes"}
    for (entity, id_), row in alive.items():
        if entity == "budgets":
            parent = alive.get(("jobs", str(row["jobId"])))
            code = codes.get(str(row["id"]))
            found[entity, id_] = (parent and parent["jobName"], code["title"] if code else row["title"])
        if entity == "time-entries":
            found[entity, id_] = _expected_shift(row, alive, codes)
    return found


def _expected_shift(row: Record, alive: dict[tuple[str, str], Record], codes: dict[str, Record]) -> tuple[Any, ...]:
    parent = alive.get(("jobs", str(row["jobId"])))
    worker = alive.get(("users", str(row["userID"])))
    status, code_id, split = _expected_coding(row["costCodes"], row["regularTime"], codes)
    if row["jobId"] == 0:
        status = "general"
    elif status in ("linked", "split", "waiting-for-cost-code"):
        status = "waiting-for-job" if parent is None else "waiting-for-user" if worker is None else status
    worker_name = f"{worker['firstName']} {worker['lastName']}" if worker else row["name"]
    return status, parent["jobName"] if parent else row["jobName"], worker_name, code_id, *split


def _expected_coding(
    stated: list[Record], total: int, codes: dict[str, Record]
) -> tuple[str, str | None, tuple[list[str], list[int]]]:
    none: tuple[list[str], list[int]] = ([], [])
    if all(each["costCodeTitle"] == FLAT_RATE for each in stated):
        return "uncoded", None, none
    meant = [_expected_ids(each, codes) for each in stated]
    minutes: dict[tuple[str, ...], list[str | None]] = {}
    for each, ids in zip(stated, meant, strict=True):
        # What is not known, or not for sure, is told apart by its title.
        key = ids if len(ids) == 1 else ("title", each["costCodeTitle"])
        minutes.setdefault(key, []).append(each["totalMinutes"])
    unsure = "ambiguous-code" if any(len(ids) > 1 for ids in meant) else "waiting-for-cost-code"
    if len(minutes) == 1:
        return ("linked", meant[0][0], none) if len(meant[0]) == 1 else (unsure, None, none)
    if any(each is None for parts in minutes.values() for each in parts):
        return "several-codes", None, none
    if any(len(ids) != 1 for ids in meant):
        return unsure, None, none
    return "split", None, _expected_shares({ids[0]: parts for ids, parts in minutes.items()}, total)


def _expected_ids(each: Record, codes: dict[str, Record]) -> tuple[str, ...]:
    if each["id"] is not None:
        return (str(each["id"]),)
    titled = [id_ for id_, code in codes.items() if code["title"] == each["costCodeTitle"]]
    return tuple(sorted([id_ for id_ in titled if codes[id_]["isActive"]] or titled))


def _expected_shares(parts: dict[str, list[str | None]], total: int) -> tuple[list[str], list[int]]:
    """One minute after another to whoever is furthest below the exact share: the same as by largest remainder."""
    weights = {id_: sum(Fraction(each or 0) for each in own) for id_, own in sorted(parts.items())}
    exact = {id_: total * weight / sum(weights.values()) for id_, weight in weights.items()}
    shares = {id_: floor(share) for id_, share in exact.items()}
    while sum(shares.values()) < total:
        shares[max(shares, key=lambda id_: exact[id_] - shares[id_])] += 1
    return list(shares), list(shares.values())


def links(core: Core) -> dict[tuple[str, str], tuple[Any, ...]]:
    found: dict[tuple[str, str], tuple[Any, ...]] = {}
    for (entity, key), row in core.table().items():
        place = entity, key.partition("/")[2]
        if entity == "budgets":
            found[place] = (row["job_name"], row["cost_code_title"])
        if entity == "time-entries":
            found[place] = tuple(row[name] for name in LINKED)
    return found


def check(core: Core, alive: dict[tuple[str, str], Record]) -> None:
    assert {(entity, key.partition("/")[2]) for entity, key in core.table()} == set(alive)
    assert links(core) == expected_links(alive)
    versions = [each.headers.version for each in core.published]
    assert versions == sorted(versions)


@given(STEPS, st.data())
@settings(deadline=None)
def test_histories_in_any_order_end_in_what_the_raw_state_says(
    steps: list[tuple[tuple[Entity, Record], bool]], data: st.DataObject
) -> None:
    log, alive = written(steps)
    core = Core()
    for raw in delivery(log, data):
        core.take(raw)
    check(core, alive)


@given(STEPS, st.data(), st.booleans())
@settings(max_examples=200, deadline=None)
def test_histories_with_a_crash_end_in_what_the_raw_state_says(
    steps: list[tuple[tuple[Entity, Record], bool]], data: st.DataObject, compacted: bool
) -> None:
    """Some records were published, fewer were committed. State is loaded from a log that is compacted or whole and
    holds more than was published; what comes later is delivered as new.
    """
    log, alive = written(steps)
    order = delivery(log, data)
    processed = data.draw(st.integers(0, len(order)))
    core = Core()
    for raw in order[:processed]:
        core.take(raw)
    seen = counts(order[:processed])
    committed = drawn(data, seen)
    loaded = {entity: data.draw(st.integers(seen[entity], number)) for entity, number in counts(log).items()}
    after = Core()
    after.published = core.published
    present = [raw for raw in log if raw.offset < loaded[raw.entity]]
    kept = _compacted(present) if compacted else present
    for raw in kept:
        after.state.load(raw, committed=committed[raw.entity])
    for raw in order:
        if raw.offset >= committed[raw.entity] and (raw in kept or raw not in present):
            after.take(raw)
    check(after, alive)


@given(STEPS, st.data(), st.booleans())
@settings(max_examples=200, deadline=None)
def test_histories_with_a_rebalance_end_in_what_the_raw_state_says(
    steps: list[tuple[tuple[Entity, Record], bool]], data: st.DataObject, taken_back: bool
) -> None:
    """The state is kept over a rebalance in which another owner processed and committed more, or nothing."""
    log, alive = written(steps)
    order = delivery(log, data)
    ours = data.draw(st.integers(0, len(order)))
    theirs = data.draw(st.integers(ours, len(order))) if taken_back else ours
    core, other = Core(), Core()
    load(core, log, upto=drawn(data, counts(log)), committed=counts([]))
    for raw in order[:ours]:
        core.take(raw)
    committed = counts(order[:theirs])
    if taken_back:
        other.published = core.published
        load(other, log, upto=counts(log), committed=counts(order[:ours]))
        for raw in order[ours:theirs]:
            other.take(raw)
    else:
        committed = drawn(data, committed)
    core.state.resume()
    load(core, log, upto=counts(log), committed=committed)
    for raw in order:
        if raw.offset >= committed[raw.entity]:
            core.take(raw)
    check(core, alive)


def counts(records: list[RawRecord]) -> dict[Entity, int]:
    return {entity: sum(raw.entity is entity for raw in records) for entity in ENTITIES}


def drawn(data: st.DataObject, most: dict[Entity, int]) -> dict[Entity, int]:
    return {entity: data.draw(st.integers(0, number)) for entity, number in most.items()}


def load(core: Core, log: list[RawRecord], *, upto: dict[Entity, int], committed: dict[Entity, int]) -> None:
    for raw in log:
        if core.state.next_offset(raw.entity) <= raw.offset < upto[raw.entity]:
            core.state.load(raw, committed=committed[raw.entity])


def _compacted(log: list[RawRecord]) -> list[RawRecord]:
    """The last record of each key; the tombstones stay for a while."""
    last = {(raw.entity.name, raw.key): raw for raw in log}
    return [raw for raw in log if last[raw.entity.name, raw.key] is raw]


def test_history_covers_every_entity() -> None:
    assert set(ENTITY_BY_NAME) == {"jobs", "users", "cost-codes", "budgets", "time-entries"}
