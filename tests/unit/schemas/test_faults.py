"""What the table of faults says that the poller does next, as operators read it in `status`."""

from __future__ import annotations

import pytest

from schemas.faults import NO_PERMISSION, SERVICE_OUTAGE, WRONG_CREDENTIALS, Fault, fault_of


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (WRONG_CREDENTIALS, "The poller does not sign in again until the credentials change."),
        (NO_PERMISSION, "The poller tries again at the next scheduled read."),
        (SERVICE_OUTAGE, "The poller tries again by itself, first after 1 minute."),
    ],
    ids=lambda each: each.name if isinstance(each, Fault) else "",
)
def test_poller_next_says_whether_and_when_it_is_tried_again(fault: Fault, sentence: str) -> None:
    assert fault.poller_next == sentence


def test_fault_of_a_later_version_has_words_and_its_name() -> None:
    unknown = fault_of("of-a-later-version")
    assert (unknown.name, unknown.heading) == ("of-a-later-version", "of-a-later-version")
    assert "of-a-later-version" in unknown.cause
