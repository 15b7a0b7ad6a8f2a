"""Who is parked for refused records, who is released again, and when the whole stage stops."""

from __future__ import annotations

import pytest

from core.dead_letters.share import DeadLetterShare, Origin, origin_of
from core.errors import FatalError
from core.kafka.record_headers import RecordHeaders
from tests.unit.streams.fakes import ManualClock


def origin(company: str, run: str = "run-1", *, replayed: bool = False) -> Origin:
    return Origin(company, run, replayed)


class Share:
    """A share with the gauge of parked companies, fed batch by batch."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.parked: list[int] = []
        self.share = DeadLetterShare(self.clock, on_parked=self.parked.append)

    def take(self, good: dict[str, int], bad: dict[str, int], run: str = "run-1") -> int:
        """A batch of one run; how many of the bad ones wait instead of being refused."""
        batch = self.share.batch({each: good.get(each, 0) + bad.get(each, 0) for each in good | bad})
        waited = 0
        for company, number in bad.items():
            for _ in range(number):
                if batch.waits(origin(company, run)):
                    waited += 1
                else:
                    batch.refused(origin(company, run))
        batch.commit()
        return waited

    def waits(self, company: str, run: str = "run-1", *, replayed: bool = False) -> bool:
        return self.share.batch({company: 1}).waits(origin(company, run, replayed=replayed))


@pytest.mark.parametrize(("good", "bad", "parks"), [(0, 49, False), (0, 50, True), (199, 50, True), (250, 50, False)])
def test_company_is_parked_from_fifty_refused_and_a_fifth_on(good: int, bad: int, parks: bool) -> None:
    share = Share()
    share.take({"acme": good}, {"acme": bad})
    assert share.parked[-1] == int(parks)
    assert share.waits("acme") is parks


def test_other_companies_of_a_parked_one_flow() -> None:
    share = Share()
    share.take({"other": 10}, {"acme": 400})
    assert share.waits("acme")
    assert not share.waits("other")


def test_rest_of_the_run_waits_in_the_very_batch() -> None:
    assert Share().take({}, {"acme": 400}) == 400 - 81


def test_large_clean_batch_does_not_hide_what_comes_after_it() -> None:
    share = Share()
    share.take({"acme": 20_000}, {})
    for _ in range(6):
        share.take({}, {"acme": 49})
    assert share.parked[-1] == 1


def test_refusals_of_long_ago_are_forgotten() -> None:
    share = Share()
    for _ in range(20):
        share.take({}, {"acme": 40})
        share.clock.seconds += 3_600
    assert share.parked[-1] == 0


def test_later_run_is_tried_and_releases_the_company_while_the_parked_run_waits_on() -> None:
    share = Share()
    share.take({}, {"acme": 60})
    assert not share.waits("acme", "run-2")
    share.take({"acme": 3}, {}, "run-2")
    assert share.parked[-1] == 0
    assert share.waits("acme", "run-1")
    assert not share.waits("acme", "run-2")


def test_later_run_that_is_refused_too_waits_after_five() -> None:
    share = Share()
    share.take({}, {"acme": 60})
    assert share.take({}, {"acme": 20}, "run-2") == 15
    assert share.parked[-1] == 1
    assert not share.waits("acme", "run-3")


def test_record_that_is_put_through_again_is_tried_and_counts_against_nobody() -> None:
    share = Share()
    share.take({}, {"acme": 60})
    assert not share.waits("acme", replayed=True)
    batch = share.share.batch({f"company-{n}": 50 for n in range(9)})
    for n in range(9):
        for _ in range(50):
            batch.refused(origin(f"company-{n}", replayed=True))
    batch.commit()
    assert share.parked[-1] == 1


def test_batch_that_is_not_committed_leaves_no_trace() -> None:
    share = Share()
    batch = share.share.batch({"acme": 60})
    for _ in range(60):
        batch.refused(origin("acme"))
    assert not share.waits("acme")


def test_successor_tries_a_parked_company_anew() -> None:
    share = Share()
    share.take({}, {"acme": 60})
    assert not Share().waits("acme")


def test_share_over_many_companies_stops_the_stage() -> None:
    companies = [f"company-{n}" for n in range(12)]
    with pytest.raises(FatalError, match=r"of \d+ of 12 companies are refused"):
        Share().take({}, dict.fromkeys(companies, 20))


def test_bad_deploy_is_noticed_over_many_small_batches() -> None:
    share = Share()
    for n in range(9):
        share.take({}, {f"company-{n}": 5})
    with pytest.raises(FatalError, match="50 recent records of 10 of 10 companies"):
        share.take({}, {"company-9": 5})


def test_few_bad_companies_among_many_stop_nobody() -> None:
    share = Share()
    good = {f"company-{n}": 10 for n in range(20)}
    share.take(good, dict.fromkeys(("bad-1", "bad-2", "bad-3", "bad-4"), 400))
    assert share.parked[-1] == 4


@pytest.mark.parametrize("companies", [1, 2])
def test_deployment_of_one_or_two_companies_parks_and_never_stops(companies: int) -> None:
    share = Share()
    share.take({}, {f"company-{n}": 5_000 for n in range(companies)})
    assert share.parked[-1] == companies


def test_records_that_name_no_company_park_nobody() -> None:
    share = Share()
    share.take({}, {"": 5_000})
    assert share.parked[-1] == 0


def test_origin_is_by_key_then_by_headers_and_never_raises() -> None:
    headers = RecordHeaders(1, "run-7", "acme").encode()
    assert origin_of(b"other/1", headers) == Origin("other", "run-7", replayed=False)
    assert origin_of(b"\xff", headers) == Origin("acme", "run-7", replayed=False)
    assert origin_of(None, [("dead-letter-first-seen", b"x")]) == Origin("", "", replayed=True)
    assert len(origin_of(b"x" * 3_000 + b"/1", []).company_id) == 64
