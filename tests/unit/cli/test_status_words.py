"""What status says of the requests of a day."""

from __future__ import annotations

import pytest

from cli.status import requests_sentence
from reports.company_status import RequestsToday


@pytest.mark.parametrize(
    ("by_read", "sentence"),
    [
        ({}, "Requests today: 0."),
        ({"glance": 12, "full": 1200}, "Requests today: 1,212 (full 1,200, glance 12)."),
    ],
)
def test_requests_are_said_with_the_read_that_sent_most_first(by_read: dict[str, int], sentence: str) -> None:
    assert requests_sentence(RequestsToday(by_read)) == sentence
