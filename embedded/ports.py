"""Ports on 127.0.0.1 for the stack: the fixed one, else last time's, else a free one below the range that outgoing
connections use. So addresses stay the same from one start to the next whenever possible.
"""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

from core.errors import ConfigurationError, FatalError

HOST = "127.0.0.1"
_FIRST, _LAST = 20_000, 32_000
_ATTEMPTS = 200


def trouble_with(port: int) -> str | None:
    """Why no server could listen there now, None when one could. Lingering connections do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            return "is reserved for the system"
        except OverflowError:
            return "is no port number"
        except OSError:
            return "is in use by another program"
        return None


def answers(port: int) -> bool:
    """Whether a server accepts connections there."""
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def choose_ports(
    memory_file: Path, fixed: Mapping[str, int | None], *, trouble: Callable[[int], str | None] = trouble_with
) -> dict[str, int]:
    """A port for each name in `fixed` (None means: any), remembered in the file; ConfigurationError if one is taken."""
    remembered = _read(memory_file)
    chosen: dict[str, int] = {}
    for name, port in fixed.items():
        if port is not None:
            problem = "is asked for twice" if port in chosen.values() else trouble(port)
            if problem:
                raise ConfigurationError(
                    f"Port {port} for {name} {problem}: choose another port (or end that program)."
                )
            chosen[name] = port
    for name in fixed.keys() - chosen.keys():
        taken = chosen.values()
        last = remembered.get(name)
        stable = last if last is not None and last not in taken and not trouble(last) else None
        chosen[name] = stable or _any_free(taken, trouble)
    memory_file.write_text(json.dumps(chosen))
    return chosen


def _any_free(taken: Collection[int], trouble: Callable[[int], str | None]) -> int:
    for _ in range(_ATTEMPTS):
        # By chance: it spreads stacks that start at the same time.
        port = _FIRST + secrets.randbelow(_LAST - _FIRST + 1)
        if port not in taken and not trouble(port):
            return port
    raise FatalError(f"No free port found between {_FIRST} and {_LAST} on {HOST}.")


def _read(memory_file: Path) -> dict[str, int]:
    """Last time's ports; an unreadable file only costs the stable addresses."""
    try:
        ports = json.loads(memory_file.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return {name: port for name, port in ports.items() if isinstance(port, int)} if isinstance(ports, dict) else {}
