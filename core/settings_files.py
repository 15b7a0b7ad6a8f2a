"""Files that settings and secrets are kept in, and files that only this user may read, whatever the umask.

Beside the environment, settings are read from `.env` and from what a running local stack left; a secret `<NAME>` also
from the file that `<NAME>_FILE` names, as containers get them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from dotenv import dotenv_values

from core.errors import ConfigurationError

RUNNING = Path(".data") / "running.env"
SUFFIX = "_FILE"
_MOST_BYTES = 65_536
_OWNER_ALONE = 0o600


def values_of(paths: Iterable[Path | str]) -> dict[str, str]:
    """The values of all existing files; later files win. ConfigurationError names one that cannot be read."""
    values: dict[str, str] = {}
    for path in map(Path, paths):
        if not path.is_file():
            continue
        try:
            found = dotenv_values(path, encoding="utf-8")
        except UnicodeDecodeError:
            raise ConfigurationError(f"{path} is not UTF-8 text: save it as UTF-8, or remove it.") from None
        except OSError as exc:
            raise ConfigurationError(f"{path} cannot be read ({exc.strerror}).") from exc
        values |= {name: value for name, value in found.items() if value is not None}
    return values


def secrets_of_files(environment: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """The values of those of `names` (of settings, any case) whose `_FILE` variable is set, by the names as given.

    The line end after the value is removed. ConfigurationError if both variables are set, or the file has no value.
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


def write_running(path: Path, values: Mapping[str, str]) -> None:
    """Write settings that only this user can read: they hold a database password."""
    text = "".join(f"{name}={value}\n" for name, value in values.items())
    write_private(path, "# Settings of the stack that runs now; the file is removed when it ends.\n" + text)


def write_private(path: Path, text: str) -> None:
    """Write a file whole or not at all, readable and writable by its owner alone."""
    partial = path.with_name(f"{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ALONE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        # The file may be left from an interrupted write, and an odd umask removes bits from the owner too.
        os.fchmod(file.fileno(), _OWNER_ALONE)
        file.write(text)
    partial.replace(path)


def read_or_make(path: Path, make: Callable[[], str]) -> str:
    """The text of a private file, made at the first call; permissions of others are removed from it."""
    if not path.exists():
        write_private(path, make())
    path.chmod(_OWNER_ALONE)
    return path.read_text(encoding="utf-8")
