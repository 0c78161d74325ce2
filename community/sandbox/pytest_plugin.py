"""``pytest_plugins = ["community.sandbox.pytest_plugin"]`` in a conftest.py gives the fixture `telegram_sandbox`.

One server a session, a fresh Telegram for every test.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from community.sandbox.testing import ThreadedSandbox, threaded


@pytest.fixture(scope="session")
def telegram_sandbox_server() -> Iterator[ThreadedSandbox]:
    """The sandbox of all tests, with whatever the test before left in it."""
    with threaded() as sandbox:
        yield sandbox


@pytest.fixture
def telegram_sandbox(telegram_sandbox_server: ThreadedSandbox) -> ThreadedSandbox:
    """An empty Telegram with one bot: `token`, `base_url`, `base_file_url`, `url`, `client`, `wait`."""
    telegram_sandbox_server.wait(telegram_sandbox_server.client.reset())
    return telegram_sandbox_server
