"""`python -m embedded --data DIR [--json]`: starts the stack, prints its addresses, and stays up until it is asked to
end (Ctrl-C, SIGTERM) or one of the three ends by itself, which is an error.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from core.environment import leave_out
from core.errors import IntegrationError
from core.settings import Settings
from core.terminal import Terminal
from embedded.progress import ConsoleProgress
from embedded.stack import Addresses, EmbeddedStack, FixedPorts

_WAIT_S = 3600.0


def main() -> int:
    """0 when it was asked to end, 1 when it failed (the sentence is on standard error)."""
    arguments = _arguments()
    for number in (signal.SIGTERM, signal.SIGINT):  # a shell has its background jobs ignore SIGINT
        signal.signal(number, signal.default_int_handler)
    leave_out(os.environ, Settings.model_fields)
    errors = Terminal(stderr=True, soft_wrap=True)
    ports = FixedPorts(kafka=arguments.kafka_port, registry=arguments.registry_port, postgres=arguments.postgres_port)
    try:
        with EmbeddedStack(arguments.data, ports=ports) as stack:
            addresses = stack.start(ConsoleProgress(errors))
            sys.stdout.write(json.dumps(asdict(addresses)) + "\n" if arguments.json else _in_words(addresses))
            sys.stdout.flush()
            while (ended := stack.supervisor.wait(_WAIT_S)) is None:
                continue
            raise ended.failure()
    except KeyboardInterrupt:
        return 0
    except IntegrationError as error:
        errors.print(str(error), style="red")
        return 1


def _in_words(addresses: Addresses) -> str:
    return (
        f"KAFKA_BOOTSTRAP_SERVERS={addresses.kafka_bootstrap_servers}\n"
        f"SCHEMA_REGISTRY_URL={addresses.schema_registry_url}\n"
        f"DATABASE_URL={addresses.database_url}\n"
        "Ctrl-C ends it; the data stays.\n"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m embedded", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".data"), help="folder that keeps the data between runs")
    parser.add_argument("--json", action="store_true", help="print the addresses as one line of JSON")
    for name in ("kafka", "registry", "postgres"):
        parser.add_argument(f"--{name}-port", type=int, help="insist on this port")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
