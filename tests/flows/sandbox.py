"""A Telegram sandbox for the flow tests, in the same loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from community.database.pool import Connection
from community.outbox.bundles import Bundles
from community.outbox.enqueue import Draft, enqueue
from community.playbook_stages import MessageClass
from community.sandbox.client import SandboxClient
from community.sandbox.testing import serving
from community.settings import load_settings


@dataclass
class Sandbox:
    """The sandbox's control interface, and ready-made situations."""

    client: SandboxClient

    async def befriend(self, conn: Connection, user: int) -> None:
        """Someone who has opened the private chat, with a reply due."""
        settings = load_settings()
        await self.client.create_user(user, "Ann")
        await self.client.start(user, settings.bot_id)
        at = datetime.now(UTC)
        draft = Draft(
            chat_id=user,
            stage="bot",
            step="help",
            occurrence="update:1",
            message_class=MessageClass.reply,
            due_at=at,
            template="bot/help",
        )
        await enqueue(conn, settings.bot_id, (await Bundles().current(conn)).hash, [draft], at)


@asynccontextmanager
async def running_sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SandboxClient]:
    """A sandbox on a free port, named by the settings, with its control interface."""
    async with serving(load_settings().token) as sandbox:
        monkeypatch.setenv("SOP_SANDBOX_PORT", str(sandbox.port))
        yield sandbox.client


@pytest.fixture
async def telegram(bundle: object, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    """A sandbox for the flows."""
    async with running_sandbox(monkeypatch) as client:
        yield Sandbox(client)
