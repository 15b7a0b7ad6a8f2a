"""Secrets in files: `<NAME>_FILE` names the file that holds the value of `<NAME>`, as containers get them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from core.errors import ConfigurationError

_MOST_BYTES = 65_536
SUFFIX = "_FILE"


def secrets_of_files(environment: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """The values of those of `names` (of settings, any case) whose `_FILE` variable is set, by the names as given.

    The line end behind the value goes. ConfigurationError where both variables are set, or the file gives no value.
    """
    stated = {name.upper(): value for name, value in environment.items() if value}
    found = {}
    for name in names:
        variable = name.upper() + SUFFIX
        if variable not in stated:
            continue
        if name.upper() in stated:
            raise ConfigurationError(f"{name.upper()} and {variable} are both set: set one of them.")
        found[name] = _read(Path(stated[variable]), variable)
    return found


def _read(path: Path, variable: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        text = content.decode("utf-8")
    except OSError as exc:
        raise ConfigurationError(f"{variable} names a file that cannot be read ({exc.strerror}).") from exc
    except UnicodeDecodeError:
        raise ConfigurationError(f"{variable} names a file that is not UTF-8 text.") from None
    value = text.rstrip("\r\n")
    if not value or len(content) > _MOST_BYTES or not value.isprintable():
        raise ConfigurationError(f"{variable} must name a file that holds the value on one line and nothing else.")
    return value
