"""What a new broker is given: the id of its folder, and a folder of any name."""

from __future__ import annotations

import base64

import pytest

from core.errors import ConfigurationError
from embedded.kafka import new_cluster_id, property_value
from embedded.stack import check_open_files


@pytest.mark.parametrize("first", range(256))
def test_cluster_id_is_never_taken_for_an_option(first: int) -> None:
    cluster_id = new_cluster_id(bytes([first]) + bytes(15))
    assert cluster_id[0].isalpha()
    assert len(base64.urlsafe_b64decode(cluster_id + "==")) == 16


def test_cluster_id_keeps_the_randomness_of_the_other_bytes() -> None:
    assert new_cluster_id(bytes(16)) != new_cluster_id(bytes(15) + b"\x04")


def test_property_value_is_ascii_and_says_every_letter() -> None:
    assert property_value("/home/José/dätä 🏗\\x") == "/home/Jos\\u00e9/d\\u00e4t\\u00e4 \\ud83c\\udfd7\\\\x"


@pytest.mark.parametrize("limit", [256, 511])
def test_check_open_files_of_too_low_a_limit_says_what_to_set(limit: int) -> None:
    with pytest.raises(ConfigurationError, match=rf"limit of open files is {limit}, .* needs 512: raise it"):
        check_open_files(limit)


@pytest.mark.parametrize("limit", [512, 1_048_576, -1])
def test_check_open_files_of_enough_is_well(limit: int) -> None:
    check_open_files(limit)
