"""Everything on this machine: the embedded Kafka, registry and Postgres, set up, and every service as a child process.

Whatever happens to this process, its children end: each runs under a guard that notices.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Self

import httpx
import typer
from rich.console import Console

from cli.local_roles import service_urls
from cli.local_settings import (
    child_environment,
    clean_surroundings,
    stated_for_up,
)
from cli.setup import set_up
from control.vault import KeyPair, new_key_pair
from core.environment import leave_out_proxies
from core.migrations import Extent
from core.settings import Settings, load_settings
from core.settings_files import read_or_make, write_running
from core.terminal import Terminal
from embedded.ports import HOST, choose_ports
from embedded.process import ChildProcess, Command
from embedded.progress import ConsoleProgress, StartProgress
from embedded.stack import EmbeddedStack
from embedded.supervisor import Supervisor

SERVICES = ("poller", "streams", "sink", "console")
PARTITIONS = 4
_READY_S = 60.0
_SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True)
class SandboxCompany:
    """Which company the sandbox serves."""

    seed: int
    jobs: int
    shifts: int


@dataclass(frozen=True, slots=True)
class LocalAddresses:
    """Where everything is. `database` is its owner's and holds a password; `sandbox` is empty without one."""

    kafka: str
    registry: str
    database: str
    console: str
    sandbox: str
    metrics: dict[str, str]


class LocalStack:
    """`with LocalStack(folder) as stack: stack.start(progress)`; leaving the block ends everything."""

    def __init__(
        self,
        data_dir: Path,
        *,
        sandbox: SandboxCompany | None,
        stated: Mapping[str, str] | None = None,
        gap_ms: int | None = None,
    ) -> None:
        """`stated` are settings of the user's, by name. `gap_ms` is the pause between requests to Buildertrend; None
        leaves it to the settings.
        """
        self._data_dir = data_dir
        self._sandbox = sandbox
        self._stated = stated or {}
        self._gap_ms = gap_ms
        self._stack = EmbeddedStack(data_dir)
        self._services = Supervisor()
        self.settings_file = data_dir / "running.env"

    def start(self, progress: StartProgress) -> tuple[LocalAddresses, Settings]:
        """Blocks until every service is ready; FatalError with the log's end if one does not come up.

        The settings are those of whoever gives commands: the console's role, and no private key.
        """
        surroundings = dict(os.environ)
        parts = self._stack.start(progress)
        leave_out_proxies(os.environ)  # From here on this process talks to this machine alone.
        ports = self._ports()
        values = {
            **self._stated,
            "KAFKA_BOOTSTRAP_SERVERS": parts.kafka_bootstrap_servers,
            "SCHEMA_REGISTRY_URL": parts.schema_registry_url,
            "DATABASE_URL": parts.database_url,
            "ENTITY_PARTITIONS": str(PARTITIONS),
            "TOPIC_REPLICATION": "1",
            "CONSOLE_PORT": str(ports["console"]),
            **self._source(ports),
        }
        progress.show("Kafka, the schema registry and Postgres run. Setting up topics, schemas and tables …")
        set_up(_settings(values), extent=Extent.FINISHED)
        urls = service_urls(parts.database_url, self._data_dir / "service-roles.json")
        pair = self._keys()
        commands = {**values, "DATABASE_URL": urls["console"], "CREDENTIAL_PUBLIC_KEY": pair.public}
        write_running(self.settings_file, commands)
        secret = {**commands, "CREDENTIAL_PRIVATE_KEYS": pair.private, "CONSOLE_SECRET": self._console_secret()}
        self._services.start(self._children(secret, urls, ports, surroundings), deadline_s=_READY_S)
        return _addresses(values, ports), _settings(commands)

    def wait(self, timeout_s: float) -> None:
        """Blocks for up to `timeout_s`; FatalError with the log's end if something has ended by itself."""
        for supervisor, seconds in ((self._stack.supervisor, 0.0), (self._services, timeout_s)):
            ended = supervisor.wait(seconds)
            if ended is not None:
                raise ended.failure()

    def stop(self) -> None:
        """End everything, the services before what they need. Can be called again."""
        self._services.stop()
        self.settings_file.unlink(missing_ok=True)
        self._stack.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _ports(self) -> dict[str, int]:
        wanted = (*SERVICES, *(f"{name}-metrics" for name in ("poller", "streams", "sink")), _SANDBOX)
        return choose_ports(self._data_dir / "service-ports.json", dict.fromkeys(wanted))

    def _keys(self) -> KeyPair:
        """The key pair of this data folder, made once."""
        text = read_or_make(self._data_dir / "credential-keys.json", lambda: json.dumps(asdict(new_key_pair("local"))))
        return KeyPair(**json.loads(text))

    def _console_secret(self) -> str:
        """The console's secret of this data folder, made once."""
        return read_or_make(self._data_dir / "console-secret", lambda: secrets.token_hex(32))

    def _source(self, ports: Mapping[str, int]) -> dict[str, str]:
        source = {} if self._gap_ms is None else {"BUILDERTREND_MIN_REQUEST_GAP_MS": str(self._gap_ms)}
        if self._sandbox:
            url = _url(ports[_SANDBOX])
            source |= {"BUILDERTREND_APP_URL": url, "BUILDERTREND_LOGIN_URL": url}
        return source

    def _children(
        self,
        values: Mapping[str, str],
        urls: Mapping[str, str],
        ports: Mapping[str, int],
        surroundings: Mapping[str, str],
    ) -> list[ChildProcess]:
        children = []
        for name in SERVICES:
            own = {**values, "DATABASE_URL": urls.get(name, "")}
            proxied = name != "streams" and self._sandbox is None
            children.append(self._service(name, child_environment(name, own, surroundings, proxied=proxied), ports))
        if self._sandbox:
            children.insert(0, self._sandbox_process(self._sandbox, ports[_SANDBOX]))
        return children

    def _service(self, name: str, environment: Mapping[str, str], ports: Mapping[str, int]) -> ChildProcess:
        port = ports.get(f"{name}-metrics", ports[name])
        return ChildProcess(
            Command(
                name=name,
                argv=[sys.executable, "-m", "cli", name],
                log_file=self._data_dir / "logs" / f"{name}.log",
                # The console's metrics are on its own port too; a second one is for those who scrape it by address.
                env={**environment, "METRICS_PORT": "0" if name == "console" else str(port)},
                ready=lambda: _answers(f"{_url(port)}/ready"),
            )
        )

    def _sandbox_process(self, company: SandboxCompany, port: int) -> ChildProcess:
        options = {"port": port, "state": self._data_dir / "sandbox", **asdict(company)}
        return ChildProcess(
            Command(
                name=_SANDBOX,
                argv=[sys.executable, "-m", "sandbox", *(f"--{name}={value}" for name, value in options.items())],
                log_file=self._data_dir / "logs" / "sandbox.log",
                ready=lambda: _answers(f"{_url(port)}/sandbox/api/companies"),
            )
        )


def up(
    data: Annotated[Path, typer.Option(help="Folder that keeps the data between runs.")] = Path(".data"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the addresses as one line of JSON.")] = False,
) -> None:
    """Run the embedded stack and all services against Buildertrend itself, until Ctrl-C."""
    end_on_signals()
    console = Terminal(stderr=True, soft_wrap=True)
    stated = stated_for_up()
    clean_surroundings()
    with LocalStack(data.resolve(), sandbox=None, stated=stated) as stack:
        addresses, _settings = stack.start(ConsoleProgress(console))
        with suppress(KeyboardInterrupt):  # From here on Ctrl-C is how it ends.
            if as_json:
                print(json.dumps(asdict(addresses)), flush=True)
            else:
                show_addresses(addresses, console)
                console.print("Connect a company: protiv-buildertrend connect COMPANY --time-zone America/Denver")
                console.print("Ctrl-C ends everything; the data stays.")
            stay(stack)


def end_on_signals() -> None:
    """SIGTERM and SIGINT end this process as Ctrl-C does, with every clean-up.

    A shell makes its background jobs ignore SIGINT, and Python keeps that; so SIGINT is set here, too.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)


def stay(stack: LocalStack) -> None:
    """Wait for Ctrl-C or SIGTERM, which raise KeyboardInterrupt; FatalError if a part ends by itself first."""
    while True:
        stack.wait(1.0)


def show_addresses(addresses: LocalAddresses, console: Console) -> None:
    """Where everything is, for people."""
    shown = {
        "Console": addresses.console,
        "Sandbox": addresses.sandbox,
        "Kafka": addresses.kafka,
        "Schema registry": addresses.registry,
        "Postgres": addresses.database,
    }
    for name, address in shown.items():
        if address:
            console.print(f"  {name:<16} {address}")


def _addresses(values: Mapping[str, str], ports: Mapping[str, int]) -> LocalAddresses:
    metrics = {name: f"{_url(ports[f'{name}-metrics'])}/metrics" for name in ("poller", "streams", "sink")}
    sandboxed = values.get("BUILDERTREND_APP_URL") == _url(ports[_SANDBOX])
    return LocalAddresses(
        kafka=values["KAFKA_BOOTSTRAP_SERVERS"],
        registry=values["SCHEMA_REGISTRY_URL"],
        database=values["DATABASE_URL"],
        console=_url(ports["console"]),
        sandbox=_url(ports[_SANDBOX]) if sandboxed else "",
        metrics=metrics | {"console": f"{_url(ports['console'])}/metrics"},
    )


def _settings(values: Mapping[str, str]) -> Settings:
    """Of these values alone: neither files nor what is left of the environment."""
    return load_settings(_env_file=None, **{name.lower(): value for name, value in values.items()})


def _url(port: int) -> str:
    return f"http://{HOST}:{port}"


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
