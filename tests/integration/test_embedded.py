"""One owner starts the embedded PostgreSQL, whatever state a predecessor left it in."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from community.database.embedded import EmbeddedPostgres
from community.errors import DatabaseError

OWNER = """
import signal, sys, time
from pathlib import Path
from community.database.embedded import EmbeddedPostgres
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits it as ignored
with EmbeddedPostgres(Path(sys.argv[1]), durable=False) as server:
    print(server.ensure_database("sop"), flush=True)
    time.sleep(600)
"""

Owner = subprocess.Popen[str]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A folder that the server's account can reach, with an initialised cluster in it: shared, as initdb costs 1 s."""
    folder = Path(tempfile.mkdtemp(prefix="sop-test-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    with server, psycopg.connect(server.ensure_database("sop"), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    yield folder / "postgres"
    shutil.rmtree(folder)


@pytest.fixture
def owner(cluster: Path) -> Iterator[Callable[[], Owner]]:
    """Starts another process that owns the server; returns once the server is up."""
    owners = []

    def start() -> Owner:
        process = subprocess.Popen([sys.executable, "-c", OWNER, str(cluster)], stdout=subprocess.PIPE, text=True)
        owners.append(process)
        assert process.stdout
        assert process.stdout.readline().startswith("postgresql://")
        return process

    yield start
    for process in owners:
        process.kill()
        process.communicate()
    EmbeddedPostgres(cluster, durable=False).start().stop()


def answer(server: EmbeddedPostgres) -> int:
    with psycopg.connect(server.url("sop")) as connection:
        row = connection.execute("SELECT answer FROM kept").fetchone()
    assert row
    return int(row[0])


def postmaster(cluster: Path) -> psutil.Process:
    return psutil.Process(int((cluster / "data" / "postmaster.pid").read_text().split()[0]))


def test_data_outlives_a_stop_and_the_address_does_not(cluster: Path) -> None:
    server = EmbeddedPostgres(cluster, durable=False).start()
    assert answer(server) == 42
    server.stop()
    server.stop()
    with pytest.raises(DatabaseError, match="not running"):
        server.url()


def test_a_server_left_by_a_killed_owner_is_adopted_and_stopped(cluster: Path, owner: Callable[[], Owner]) -> None:
    killed = owner()
    left = postmaster(cluster)
    killed.kill()
    killed.wait()
    assert left.is_running()
    with EmbeddedPostgres(cluster) as server:
        assert server.owned
        assert answer(server) == 42
        assert postmaster(cluster) == left
    assert not left.is_running()


def test_a_killed_server_and_owner_are_recovered(cluster: Path, owner: Callable[[], Owner]) -> None:
    killed = owner()
    left = postmaster(cluster)
    left.kill()
    killed.kill()
    killed.wait()
    with EmbeddedPostgres(cluster, durable=False) as server:
        assert answer(server) == 42
        assert postmaster(cluster) != left


def test_a_pid_reused_by_another_program_is_not_taken_for_the_server(cluster: Path) -> None:
    with EmbeddedPostgres(cluster, durable=False):
        lines = (cluster / "data" / "postmaster.pid").read_text().splitlines()
    bystander = subprocess.Popen(["sleep", "600"])
    try:
        (cluster / "data" / "postmaster.pid").write_text("\n".join([str(bystander.pid), *lines[1:]]) + "\n")
        with EmbeddedPostgres(cluster, durable=False) as server:
            assert answer(server) == 42
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_of_starters_at_once_one_owns_and_all_are_served(cluster: Path) -> None:
    servers = [EmbeddedPostgres(cluster, durable=False) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(EmbeddedPostgres.start, servers))
    try:
        assert sum(server.owned for server in servers) == 1
        assert [answer(server) for server in servers] == [42] * 4
    finally:
        for server in servers:
            server.stop()


def test_only_the_owner_stops_it(cluster: Path, owner: Callable[[], Owner]) -> None:
    owner()
    with EmbeddedPostgres(cluster) as guest:
        assert not guest.owned
    assert answer(guest) == 42


def test_who_must_own_it_waits_until_the_owner_lets_go(cluster: Path) -> None:
    first = EmbeddedPostgres(cluster, durable=False).start()
    second = EmbeddedPostgres(cluster, durable=False)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second.start, own=True)
        assert not waiting.done()
        first.stop()
        waiting.result(timeout=30)
    assert second.owned
    second.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_owner_stops_the_server(cluster: Path, owner: Callable[[], Owner], number: int) -> None:
    process = owner()
    server = postmaster(cluster)
    process.send_signal(number)
    process.wait(timeout=30)
    assert not server.is_running()


def test_a_server_that_cannot_start_says_why_in_one_line(cluster: Path) -> None:
    version = cluster / "data" / "PG_VERSION"
    version.write_text("9.6\n")
    try:
        with pytest.raises(DatabaseError, match=r"did not start.*version 9\.6") as caught:
            EmbeddedPostgres(cluster, durable=False).start()
        assert "\n" not in str(caught.value)
    finally:
        version.write_text("18\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs under another account")
def test_a_folder_closed_to_the_servers_account_is_named_and_left_closed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(DatabaseError, match="closed to the account"):
        EmbeddedPostgres(closed / "postgres").start()
    assert closed.stat().st_mode & 0o777 == 0o700


def test_a_folder_too_deep_for_a_socket_path_works_and_a_server_that_dies_keeps_its_address(cluster: Path) -> None:
    deep = cluster.parent / ("d" * 100)
    deep.mkdir()
    deep.chmod(0o711)
    with EmbeddedPostgres(deep, durable=False) as server:
        socket_dir = Path(psycopg.conninfo.conninfo_to_dict(server.url())["host"])  # type: ignore[arg-type]
        address = server.url()
        assert not server.died
        postmaster(deep).kill()
        while not server.died:
            time.sleep(0.01)
        server.restart()
        assert (server.died, server.url()) == (False, address)
        with psycopg.connect(address) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not socket_dir.exists()
