"""Choice of ports, with a made-up machine in place of the network."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ConfigurationError, FatalError
from embedded.ports import choose_ports

ANY = {"kafka": None, "registry": None}


def all_free(_port: int) -> str | None:
    return None


def test_choose_ports_any_gives_different_ones(tmp_path: Path) -> None:
    ports = choose_ports(tmp_path / "ports.json", ANY, trouble=all_free)
    assert len(set(ports.values())) == 2


def test_choose_ports_again_gives_the_same(tmp_path: Path) -> None:
    first = choose_ports(tmp_path / "ports.json", ANY, trouble=all_free)
    assert choose_ports(tmp_path / "ports.json", ANY, trouble=all_free) == first


def test_choose_ports_remembered_one_taken_changes_that_one_only(tmp_path: Path) -> None:
    first = choose_ports(tmp_path / "ports.json", ANY, trouble=all_free)
    taken = first["kafka"]
    second = choose_ports(tmp_path / "ports.json", ANY, trouble=lambda port: "is in use" if port == taken else None)
    assert second["kafka"] != taken
    assert second["registry"] == first["registry"]


def test_choose_ports_fixed_wins_over_remembered(tmp_path: Path) -> None:
    choose_ports(tmp_path / "ports.json", ANY, trouble=all_free)
    assert choose_ports(tmp_path / "ports.json", {**ANY, "kafka": 9092}, trouble=all_free)["kafka"] == 9092


def test_choose_ports_remembered_one_now_fixed_for_another_is_not_given_twice(tmp_path: Path) -> None:
    kafka = choose_ports(tmp_path / "ports.json", ANY, trouble=all_free)["kafka"]
    ports = choose_ports(tmp_path / "ports.json", {"kafka": None, "registry": kafka}, trouble=all_free)
    assert ports["registry"] == kafka
    assert ports["kafka"] != kafka


def test_choose_ports_fixed_one_taken_names_port_and_purpose(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"Port 9092 for kafka is in use .* choose another port"):
        choose_ports(tmp_path / "ports.json", {"kafka": 9092}, trouble=lambda _port: "is in use by another program")


def test_choose_ports_fixed_one_asked_for_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Port 9092 for registry is asked for twice"):
        choose_ports(tmp_path / "ports.json", {"kafka": 9092, "registry": 9092}, trouble=all_free)


def test_choose_ports_none_free_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="between 20000 and 32000"):
        choose_ports(tmp_path / "ports.json", ANY, trouble=lambda _port: "is in use")


@pytest.mark.parametrize("memory", ["", "{", "[1]", '{"kafka": "9092"}', '{"kafka": 70000.5}'])
def test_choose_ports_unreadable_memory_is_replaced(tmp_path: Path, memory: str) -> None:
    (tmp_path / "ports.json").write_text(memory)
    first = choose_ports(tmp_path / "ports.json", ANY, trouble=all_free)
    assert choose_ports(tmp_path / "ports.json", ANY, trouble=all_free) == first
