"""The sandbox as a program of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "community.sandbox", "--port"]
QUIET = os.environ | {"PYTHONPATH": str(ROOT)}


def test_it_says_where_it_listens_and_ends_on_sigterm() -> None:
    with subprocess.Popen(
        [*COMMAND, "0", "--allow-host", "Sandbox"], stdout=subprocess.PIPE, env=QUIET, text=True
    ) as process:
        assert process.stdout is not None
        [url] = re.findall(r"http://127\.0\.0\.1:[0-9]+", process.stdout.readline().partition("/bot")[0])
        asked = urllib.request.Request(f"{url}/control/clock", headers={"Host": "sandbox:8081"})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run([*COMMAND, port], capture_output=True, env=QUIET, text=True, timeout=20, check=False)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert port in line
    assert "in use" in line


def test_a_bad_token_is_one_clear_line() -> None:
    arguments = [*COMMAND, "0", "--token", "nonsense"]
    done = subprocess.run(arguments, capture_output=True, env=QUIET, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
