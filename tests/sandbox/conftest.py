"""One sandbox for the session, served over real HTTP; every test starts with an empty world."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
import telegram
from telegram.request import HTTPXRequest

from community.sandbox.client import SandboxClient
from community.sandbox.testing import Served, serving
from community.sandbox.world import DEFAULT_TOKEN, Options
from tests.sandbox.witness import Witness, watching

ANN, BOB, EVE = 17, 18, 19
OTHER_TOKEN = "5151:other-token"


@pytest.fixture(scope="session", autouse=True)
def witness() -> Iterator[Witness]:
    """Looks at all that the sandbox says during the tests; what is wrong with it is told once, at the end."""
    witness = Witness()
    with watching(witness):
        yield witness
    assert not witness.wrong, f"answers that are not Telegram's:\n{witness.story()}"


@pytest.fixture(scope="session")
async def served() -> AsyncIterator[Served]:
    async with serving(options=Options(tokens=(DEFAULT_TOKEN, OTHER_TOKEN), webhook_backoff=0.02)) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def control(served: Served) -> SandboxClient:
    return served.client


@pytest.fixture
async def sandbox(control: SandboxClient) -> SandboxClient:
    """Three users, two bots, nothing else."""
    await control.reset()
    people = {ANN: "Ann", BOB: "Bob", EVE: "Eve"}
    await control.create_users([{"id": number, "first_name": name} for number, name in people.items()])
    return control


def make_bot(served: Served, token: str) -> telegram.Bot:
    request = HTTPXRequest(connection_pool_size=8, read_timeout=10)
    return telegram.Bot(
        token, base_url=served.base_url, base_file_url=served.base_file_url, request=request,
        get_updates_request=HTTPXRequest(connection_pool_size=4, read_timeout=10),
    )  # fmt: skip


@pytest.fixture(scope="session")
async def session_bot(served: Served) -> AsyncIterator[telegram.Bot]:
    async with make_bot(served, DEFAULT_TOKEN) as bot:
        yield bot


@pytest.fixture(scope="session")
async def session_other(served: Served) -> AsyncIterator[telegram.Bot]:
    async with make_bot(served, OTHER_TOKEN) as bot:
        yield bot


@pytest.fixture
def bot(session_bot: telegram.Bot, sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch) -> telegram.Bot:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # else reading retry_after warns, and warnings are errors
    return session_bot


@pytest.fixture
def other(session_other: telegram.Bot, sandbox: SandboxClient) -> telegram.Bot:
    return session_other


class RawCaller:
    """Calls without a library: status and JSON answer."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session

    async def __call__(self, method: str, token: str = DEFAULT_TOKEN, **params: Any) -> tuple[int, Any]:
        async with self.session.post(f"{self.url}/bot{token}/{method}", json=params) as response:
            return response.status, await response.json()


@pytest.fixture
async def call(served: Served, sandbox: SandboxClient) -> AsyncIterator[RawCaller]:
    async with aiohttp.ClientSession() as session:
        yield RawCaller(served.url, session)
