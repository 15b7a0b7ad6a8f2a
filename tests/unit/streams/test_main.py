"""The error on a machine on which streams cannot start."""

from __future__ import annotations

import tempfile

import pytest

from core.errors import ConfigurationError
from streams.main import temporary_folder


def test_temporary_folder_where_none_can_be_written_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/no-such-folder")
    with pytest.raises(ConfigurationError, match="set TMPDIR"):
        temporary_folder()


def test_temporary_folder_goes_with_its_use() -> None:
    with temporary_folder() as folder:
        assert folder
