"""Processes of a PostgreSQL server: found by their data, watched, stopped."""

import signal
from contextlib import suppress
from pathlib import Path

import psutil

STOP_TIMEOUT = 20.0


def processes_in(data: Path) -> list[psutil.Process]:
    """Server processes on this data: PostgreSQL makes its data folder the working directory of each."""
    found = []
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error):
            if process.info["name"] == "postgres" and Path(process.cwd()) == data:
                found.append(process)
    return found


def is_alive(process: psutil.Process) -> bool:
    """True unless it has ended; a zombie has."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def stop_server(server: psutil.Process) -> None:
    """Fast shutdown, then immediate, then kill (signals: postgres(1))."""
    for number, patience in ((signal.SIGINT, STOP_TIMEOUT), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
            server.send_signal(number)
            server.wait(patience)
        if not is_alive(server):
            return
