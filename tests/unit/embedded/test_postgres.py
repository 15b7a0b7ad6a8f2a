"""What keeps the embedded Postgres from starting is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import FatalError
from embedded import postgres


def test_unprivileged_user_without_a_name_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 987_654_321)
    with pytest.raises(FatalError, match=r"user id 987654321, which has no name .*set DATABASE_URL"):
        postgres._unprivileged_user(Path("/none"), Path("/none"))
