"""The files that settings are read from beside the environment, checked before anybody reads them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dotenv import dotenv_values

from core.errors import ConfigurationError


def values_of(paths: Iterable[Path | str]) -> dict[str, str]:
    """The values of all files that are there, later files first. ConfigurationError names one that cannot be read."""
    values: dict[str, str] = {}
    for path in map(Path, paths):
        if not path.is_file():
            continue
        try:
            found = dotenv_values(path, encoding="utf-8")
        except UnicodeDecodeError:
            raise ConfigurationError(f"{path} is not UTF-8 text: save it as UTF-8, or take it away.") from None
        except OSError as exc:
            raise ConfigurationError(f"{path} cannot be read ({exc.strerror}).") from exc
        values |= {name: value for name, value in found.items() if value is not None}
    return values
