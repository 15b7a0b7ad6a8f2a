"""The id that a new broker's folder gets."""

from __future__ import annotations

import base64

import pytest

from embedded.kafka import new_cluster_id


@pytest.mark.parametrize("first", range(256))
def test_cluster_id_is_never_taken_for_an_option(first: int) -> None:
    cluster_id = new_cluster_id(bytes([first]) + bytes(15))
    assert cluster_id[0].isalpha()
    assert len(base64.urlsafe_b64decode(cluster_id + "==")) == 16


def test_cluster_id_keeps_the_randomness_of_the_other_bytes() -> None:
    assert new_cluster_id(bytes(16)) != new_cluster_id(bytes(15) + b"\x04")
