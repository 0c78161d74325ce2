"""Settings: defaults, modes, what is refused, and that no secret is ever shown."""

from pathlib import Path

import pytest

from community.errors import SettingsError
from community.settings import Mode, Settings, load_settings

TOKEN = "123456:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the machine's environment nor a .env of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for field in Settings.model_fields:
        monkeypatch.delenv(f"SOP_{field.upper()}", raising=False)


def test_without_anything_it_is_a_sandbox_on_this_machine() -> None:
    settings = load_settings()
    assert (settings.effective_mode, settings.bot_id) == (Mode.sandbox, 4202)
    assert settings.telegram_api == "http://127.0.0.1:8700"
    assert settings.links_url == settings.gateway_url == "http://127.0.0.1:8600"
    assert settings.dashboard_url == "http://127.0.0.1:8600/dashboard"
    assert (settings.playbook_dir / "playbook.yaml").is_file()


def test_a_token_makes_it_real(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOP_TELEGRAM_TOKEN", TOKEN)
    settings = load_settings()
    assert (settings.effective_mode, settings.bot_id, settings.token) == (Mode.real, 123456, TOKEN)
    assert settings.telegram_api == "https://api.telegram.org"
    assert settings.links_url is None, "nobody outside could reach a local address"
    assert settings.dashboard_url is None, "a phone least of all"
    monkeypatch.setenv("SOP_PUBLIC_URL", "https://club.test")
    assert load_settings().dashboard_url == "https://club.test/dashboard"


def test_what_has_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_settings()
    assert load_settings() is first
    monkeypatch.setenv("SOP_GATEWAY_PORT", "8601")
    assert load_settings().gateway_port == 8601
    monkeypatch.delenv("SOP_GATEWAY_PORT")
    for port in ("8602", "86030"):
        (tmp_path / ".env").write_text(f"SOP_GATEWAY_PORT={port}\n", encoding="utf-8")
        assert load_settings().gateway_port == int(port)
    (tmp_path / ".env").unlink()
    assert load_settings() == first


@pytest.mark.parametrize("mode", ["demo", "sandbox"])
def test_demo_and_sandbox_never_use_the_real_token(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setenv("SOP_TELEGRAM_TOKEN", TOKEN)
    monkeypatch.setenv("SOP_MODE", mode)
    settings = load_settings()
    assert TOKEN not in settings.token
    assert "127.0.0.1" in settings.telegram_api


def test_each_mode_is_another_bot() -> None:
    assert Settings(mode=Mode.demo).bot_id != Settings(mode=Mode.sandbox).bot_id


def test_real_without_a_token_says_what_to_set() -> None:
    with pytest.raises(SettingsError, match="SOP_TELEGRAM_TOKEN: missing"):
        _ = Settings(mode=Mode.real).token


def test_a_file_beside_the_command_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SOP_PUBLIC_URL=https://club.test/\nOTHER=1\n", encoding="utf-8")
    assert load_settings().public_url == "https://club.test"


def test_an_empty_value_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TELEGRAM_TOKEN", "DATABASE_URL", "PUBLIC_URL"):
        monkeypatch.setenv(f"SOP_{name}", "")
    settings = load_settings()
    assert (settings.telegram_token, settings.database_url, settings.public_url) == (None, None, None)


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("TELEGRAM_TOKEN", "changeme", "placeholder"),
        ("TELEGRAM_TOKEN", "<your token>", "placeholder"),
        ("TELEGRAM_TOKEN", "123456:your-token", "placeholder"),
        ("TELEGRAM_TOKEN", "AAbbCC", "not a bot token"),
        ("DATABASE_URL", "postgresql://sop:changeme@db/sop", "placeholder"),
        ("PUBLIC_URL", "http://club.test", "https"),
        ("PUBLIC_URL", "https:club.test", "https"),
        ("IME_SECRETS", "just-a-secret-of-some-length", "<key>:<secret>"),
        ("IME_SECRETS", "main:short", "16 characters"),
        ("IME_SECRETS", "main:a-secret-of-some-length,:another-of-some-length", "<key>:<secret>"),
        ("IME_SECRETS", "main:changeme-changeme", "placeholder"),
        ("IME_WINDOW_S", "1", "30"),
        ("STRIPE_WEBHOOK_SECRETS", "sk_live_abc", "whsec_"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_abc,abc", "whsec_"),
        ("STRIPE_API_KEY", "whsec_abc", "sk_"),
        ("MODE", "production", "demo"),
        ("GATEWAY_PORT", "http", "integer"),
        ("STAFF_CHAT", "@staff", "integer"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, proxy.internal", "addresses or networks"),
        ("TRUSTED_PROXIES", "*", "addresses or networks"),
    ],
)
def test_what_is_wrong_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, complaint: str
) -> None:
    monkeypatch.setenv(f"SOP_{variable}", value)
    with pytest.raises(SettingsError, match=f"^SOP_{variable}: .*{complaint}") as raised:
        load_settings()
    assert value not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["postgresql://postgres@/sop?host=%2Ftmp%2Fexample", "postgresql://sop:s3cret@todo-db.internal/xxx"]
)
def test_only_the_password_of_a_database_can_be_a_placeholder(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SOP_DATABASE_URL", url)
    settings = load_settings()
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == url


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOP_TELEGRAM_TOKEN", TOKEN)
    monkeypatch.setenv("SOP_DATABASE_URL", "postgresql://sop:hush@db/sop")
    monkeypatch.setenv("SOP_IME_SECRETS", "main:hush-hush-hush-hush")
    monkeypatch.setenv("SOP_STRIPE_WEBHOOK_SECRETS", "whsec_hush")
    monkeypatch.setenv("SOP_STRIPE_API_KEY", "rk_hush")
    settings = load_settings()
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert TOKEN not in shown
        assert "hush" not in shown


def test_derived_secrets_differ_by_purpose_and_token(monkeypatch: pytest.MonkeyPatch) -> None:
    webhook, links = Settings().derived_secret("webhook"), Settings().derived_secret("links")
    monkeypatch.setenv("SOP_TELEGRAM_TOKEN", TOKEN)
    assert len({webhook, links, Settings().derived_secret("webhook")}) == 3
    assert Settings().derived_secret("webhook") == Settings().derived_secret("webhook")
    assert len(webhook) == 43
    assert TOKEN.partition(":")[2] not in Settings().derived_secret("webhook")


def test_secrets_of_providers_may_be_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOP_IME_SECRETS", "2025:an-old-secret-of-old, 2026:a-new:secret-of-now")
    monkeypatch.setenv("SOP_STRIPE_WEBHOOK_SECRETS", "whsec_old, whsec_new,")
    settings = load_settings()
    assert settings.ime_keys == {"2025": "an-old-secret-of-old", "2026": "a-new:secret-of-now"}
    assert settings.stripe_secrets == ["whsec_old", "whsec_new"]
    monkeypatch.setenv("SOP_IME_SECRETS", " ")
    monkeypatch.setenv("SOP_STRIPE_WEBHOOK_SECRETS", "")
    assert (load_settings().ime_keys, load_settings().stripe_secrets) == ({}, [])
