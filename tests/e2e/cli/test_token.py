"""`sop token rotate`: the same bot only, in place, nothing shown, nothing lost."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from community.sandbox.client import SandboxClient
from community.settings import Settings, load_settings
from tests.e2e.cli.conftest import Sop
from tests.flows.sandbox import running_sandbox

OLD, NEW, OTHER = "77:old-key", "77:new-key", "78:other-key"


@pytest.fixture
async def telegram(sop: Sop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[SandboxClient]:
    """A Telegram that knows the new token and another bot's, and a real installation with the old one in `.env`."""
    async with running_sandbox(monkeypatch) as client:
        monkeypatch.setattr("community.settings.TELEGRAM_API", load_settings().telegram_api)
        monkeypatch.delenv("SOP_MODE")
        for token in (NEW, OTHER):
            await client.create_bot(token)
        env = tmp_path / ".env"
        env.write_text(f"# ours\nSOP_TELEGRAM_TOKEN={OLD}\nSOP_PUBLIC_URL=https://club.test\n")
        env.chmod(0o600)
        yield client


async def test_a_new_token_of_the_same_bot(
    sop: Sop, telegram: SandboxClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = Settings()
    monkeypatch.setenv("SOP_NEW_TELEGRAM_TOKEN", NEW)
    ran = await sop("token", "rotate")
    assert ran.code == 0, ran.err
    assert "restart" in ran.out
    assert "key" not in ran.out + ran.err
    after = Settings()
    assert after.token == NEW
    assert after.lasting_secret("links") == before.lasting_secret("links"), "links in messages stay valid"
    assert after.derived_secret("webhook") != before.derived_secret("webhook")
    env = tmp_path / ".env"
    assert env.stat().st_mode & 0o777 == 0o600
    assert env.read_text().splitlines()[0] == "# ours"
    assert os.listdir(tmp_path) == [".env"]


@pytest.mark.parametrize(
    ("token", "said"), [(OTHER, "bot 78's"), ("77:unknown", "does not know"), ("nonsense", "not a bot token")]
)
async def test_anything_else_changes_nothing(
    sop: Sop, telegram: SandboxClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, token: str, said: str
) -> None:
    before = (tmp_path / ".env").read_text()
    monkeypatch.setenv("SOP_NEW_TELEGRAM_TOKEN", token)
    ran = await sop("token", "rotate")
    assert ran.code == 1
    assert said in ran.err
    assert token not in ran.err
    assert (tmp_path / ".env").read_text() == before


async def test_a_token_that_env_does_not_hold(
    sop: Sop, telegram: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOP_TELEGRAM_TOKEN", OLD)
    assert "goes before .env" in (await sop("token", "rotate")).err


async def test_the_sandboxs_token_is_fixed(sop: Sop) -> None:
    assert "fixed" in (await sop("token", "rotate")).err
