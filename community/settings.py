"""Settings: read once from the environment (and `.env`), the only place that knows variable names and defaults."""

from collections.abc import Hashable
from enum import StrEnum
from functools import cached_property, lru_cache
from hashlib import sha256
from hmac import new as hmac
from ipaddress import ip_network
from os import environ, geteuid, stat
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from community.errors import SettingsError

TELEGRAM_API = "https://api.telegram.org"
PLACEHOLDERS = ("changeme", "change-me", "your-", "<", "xxx", "example", "todo", "placeholder")

STRIPE = {"stripe_webhook_secrets": ("whsec_",), "stripe_api_key": ("sk_", "rk_")}
"""Settings of Stripe's, and how their values begin."""
SHORTEST = 16
"""Characters that a shared secret must have."""


class Mode(StrEnum):
    """What the installation is for. Each mode has a database of its own."""

    demo = "demo"
    sandbox = "sandbox"
    real = "real"


def _data_dir() -> Path:
    """Root's data lies under /var/lib, because PostgreSQL runs there as another user and must reach its folder."""
    return Path("/var/lib/community-sop") if geteuid() == 0 else platformdirs.user_data_path("community-sop")


class Settings(BaseSettings):
    """All settings, with `SOP_` in front in the environment. Secrets never print."""

    model_config = SettingsConfigDict(env_prefix="SOP_", env_file=".env", extra="ignore", frozen=True)

    mode: Mode | None = None
    """Set by `make demo`; otherwise `real` with a token and `sandbox` without."""
    telegram_token: SecretStr | None = None
    """The bot's token from @BotFather. Without it the stack talks to its own sandbox."""
    secret: SecretStr | None = None
    """Secret of the installation that outlives the token: for links in messages, and for what is kept of the erased."""
    database_url: SecretStr | None = None
    """PostgreSQL to use (`postgresql://…`). Without it an embedded one is started under `data_dir`."""
    public_url: str | None = None
    """Public HTTPS address of the gateway, for tracked links and webhooks. Without it: polling, direct links."""
    trusted_proxies: str = "127.0.0.1,::1"
    """Addresses and networks, with commas, of the proxies before the gateway: what they say in X-Forwarded-For is
    believed, of nobody else. Limits for visitors go by it."""
    ime_secrets: SecretStr | None = None
    """Secrets that iMe's callbacks are signed with, as `<key>:<secret>`, several with commas while one is replaced."""
    ime_timestamp_header: str = "X-iMe-Timestamp"
    """Header with the Unix second at which a callback was signed."""
    ime_signature_header: str = "X-iMe-Signature"
    """Header with `v1=` and the signature in hexadecimal digits."""
    ime_key_header: str = "X-iMe-Key"
    """Header that may name the key; without it all are tried."""
    ime_window_s: int = Field(300, ge=30, le=3600)
    """How many seconds a callback may be old, or ahead."""
    ime_fields: str = ""
    """Where in the body a field lies, if not where docs/payments.md says: `order=data.order.no,amount=data.total`."""
    ime_types: str = ""
    """What iMe calls its events, if not as docs/payments.md does: `paid=charge.success,refunded=charge.refund`."""
    stripe_webhook_secrets: SecretStr | None = None
    """Signing secrets of the Stripe endpoint (`whsec_…`), several with commas while one is rolled."""
    stripe_api_key: SecretStr | None = None
    """Secret or restricted key of the Stripe account (`sk_…`, `rk_…`), for checkouts from the page, and refunds."""
    dashboard_token: SecretStr | None = None
    """A word with which anybody who knows it signs in to the dashboard, besides the links that staff get."""
    staff_chat: int | None = None
    """Chat id of the staff group that receives alerts and follow-ups."""
    report_chat: int | None = None
    """Chat id of the group that receives the weekly report; without it, the staff group."""
    data_dir: Path = _data_dir()
    """Where embedded PostgreSQL, Prefect's records and logs are kept."""
    playbook_dir: Path = Path(__file__).parent.parent / "templates"
    """Folder with `playbook.yaml` and the message copy."""
    host: str = "127.0.0.1"
    """Address the local servers listen on."""
    gateway_port: int = 8600
    """Port of the gateway: tracked links, webhooks, health, metrics."""
    sandbox_port: int = 8700
    """Port of the Telegram sandbox."""
    prefect_port: int = 4200
    """Port of the local Prefect server (unused when PREFECT_API_URL is set)."""
    connections: int = 32
    """HTTP connections to Telegram: the most messages in flight at once, and the most that a kill leaves in doubt."""

    @field_validator("telegram_token", "database_url", "secret", "ime_secrets", "dashboard_token", *STRIPE)
    @classmethod
    def _no_placeholder(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value().strip():
            return None
        secret = value.get_secret_value().lower()
        secret = (urlsplit(secret).password or "") if "://" in secret else secret
        if any(mark in secret for mark in PLACEHOLDERS):
            raise ValueError("is still a placeholder; set the real value or leave it empty")
        return value

    @field_validator("telegram_token")
    @classmethod
    def _token_shape(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().partition(":")[0].isdigit():
            raise ValueError("is not a bot token (123456:ABC…); copy it again from @BotFather")
        return value

    @field_validator("dashboard_token")
    @classmethod
    def _long(cls, value: SecretStr | None) -> SecretStr | None:
        if value and len(value.get_secret_value()) < SHORTEST:
            raise ValueError(f"is shorter than {SHORTEST} characters; make one: openssl rand -hex 24")
        return value

    @field_validator("ime_secrets")
    @classmethod
    def _keys_shape(cls, value: SecretStr | None) -> SecretStr | None:
        pairs = [pair.partition(":") for pair in _listed(value)]
        if any(not name or len(secret) < SHORTEST for name, _, secret in pairs):
            raise ValueError(
                f"write <key>:<secret>, the secret with {SHORTEST} characters or more, several with commas"
            )
        return value

    @field_validator(*STRIPE)
    @classmethod
    def _stripe_shape(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        beginnings = STRIPE[info.field_name or ""]
        if not all(secret.startswith(beginnings) for secret in _listed(value)):
            raise ValueError(f"must begin with {' or '.join(beginnings)}; copy it again from Stripe's dashboard")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        networks = [each.strip() for each in value.split(",") if each.strip()]
        try:
            for each in networks:
                ip_network(each)
        except ValueError:
            raise ValueError("write addresses or networks (10.0.0.0/8) of your proxies, several with commas") from None
        return ",".join(networks)

    @field_validator("public_url")
    @classmethod
    def _https(cls, value: str | None) -> str | None:
        if not value:
            return None
        parts = urlsplit(value)
        if parts.scheme != "https" or not parts.netloc:
            raise ValueError("must be a public https:// address, as Telegram delivers webhooks to no other")
        return value.rstrip("/")

    @cached_property
    def effective_mode(self) -> Mode:
        """What this installation is for (see `Mode`)."""
        return self.mode or (Mode.real if self.telegram_token else Mode.sandbox)

    @property
    def token(self) -> str:
        """The bot token in force; demo and sandbox have fixed ones, known to the local sandbox only."""
        if self.effective_mode is Mode.real:
            if self.telegram_token is None:
                raise SettingsError("SOP_TELEGRAM_TOKEN: missing, but SOP_MODE is real; set the token of your bot")
            return self.telegram_token.get_secret_value()
        return {Mode.demo: "4201:demo-token", Mode.sandbox: "4202:sandbox-token"}[self.effective_mode]

    @property
    def bot_id(self) -> int:
        """Telegram id of the bot: the number before the colon of its token."""
        return int(self.token.partition(":")[0])

    @property
    def telegram_api(self) -> str:
        """Base address of the Bot API: Telegram's, or the local sandbox's."""
        real = self.effective_mode is Mode.real
        return TELEGRAM_API if real else f"http://{self.host}:{self.sandbox_port}"

    @property
    def gateway_url(self) -> str:
        """Local address of the gateway."""
        return f"http://{self.host}:{self.gateway_port}"

    @property
    def links_url(self) -> str | None:
        """Where members' browsers reach the gateway; None: links must be direct `t.me` ones."""
        return self.public_url or (None if self.effective_mode is Mode.real else self.gateway_url)

    @property
    def reports_to(self) -> int | None:
        """The chat that reports are posted to."""
        return self.report_chat if self.report_chat is not None else self.staff_chat

    @property
    def dashboard_url(self) -> str | None:
        """Where staff's browsers reach the dashboard; None: at no public address."""
        return f"{self.public_url}/dashboard" if self.public_url else None

    @property
    def webhook_url(self) -> str | None:
        """Where Telegram delivers updates; None: they are polled."""
        return f"{self.public_url}/telegram/{self.bot_id}" if self.public_url else None

    @property
    def ime_keys(self) -> dict[str, str]:
        """Secrets of iMe by the names of their keys."""
        pairs = [pair.partition(":") for pair in _listed(self.ime_secrets)]
        return {name: secret for name, _, secret in pairs}

    @property
    def stripe_secrets(self) -> list[str]:
        """Signing secrets of the Stripe endpoint."""
        return _listed(self.stripe_webhook_secrets)

    @property
    def installation_secret(self) -> str:
        """`secret`, else one derived from the token; `sop token rotate` then writes it down as SOP_SECRET."""
        return self.secret.get_secret_value() if self.secret else _derived(self.token, "installation")

    def derived_secret(self, purpose: str) -> str:
        """A secret for `purpose` (webhook header) that ends with the token: 43 URL-safe characters."""
        return _derived(self.token, purpose)

    def lasting_secret(self, purpose: str) -> str:
        """A secret for `purpose` (signed links, erased members) that stays when the token is rotated."""
        return _derived(self.installation_secret, purpose)


def _listed(value: SecretStr | None) -> list[str]:
    """What is written with commas."""
    written = value.get_secret_value().split(",") if value else []
    return [each.strip() for each in written if each.strip()]


def _derived(secret: str, purpose: str) -> str:
    return hmac(secret.encode(), purpose.encode(), sha256).hexdigest()[:43]


def load_settings() -> Settings:
    """The settings, read again where something of what they come from has changed: it takes 5 ms, and each task asks.

    Raises SettingsError naming each variable that is wrong and what to do; values are never echoed.
    """
    return _read(_sources())


def _sources() -> Hashable:
    """Our part of the environment, and which `.env` lies here."""
    ours = frozenset(item for item in environ.items() if item[0].upper().startswith("SOP_"))
    try:
        file = stat(".env")
    except OSError:
        return ours, None
    return ours, (file.st_dev, file.st_ino, file.st_mtime_ns, file.st_size)


@lru_cache(maxsize=4)
def _read(_sources: Hashable) -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"SOP_{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()]
        raise SettingsError("; ".join(lines)) from None
