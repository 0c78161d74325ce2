"""A new bot token in place of the old: checked with Telegram, written to `.env`, and the webhook set anew."""

import os
import re
from pathlib import Path
from tempfile import NamedTemporaryFile

from pydantic import SecretStr

from community.bot.inbox import ALLOWED_UPDATES
from community.errors import SettingsError, SopError, TokenError
from community.settings import Mode, Settings
from deployments.bot_api import BotApi, bot_api

TOKEN = re.compile(r"(\d+):[A-Za-z0-9_-]+", re.ASCII)
VARIABLE = "SOP_TELEGRAM_TOKEN"
SECRET = "SOP_SECRET"  # noqa: S105 - a variable's name


def check_rotatable(settings: Settings, env: Path) -> None:
    """Raises SettingsError where a rotation could not come into force: no token of one's own, or not in `.env`."""
    if settings.effective_mode is not Mode.real:
        raise SettingsError(f"{settings.effective_mode}: its token is fixed; only a real bot's can be rotated")
    if VARIABLE in os.environ:
        raise SettingsError(f"{VARIABLE}: set in the environment, which goes before .env; change it there, or unset it")
    if not env.is_file():
        raise SettingsError(f"{env}: not there; run this in the folder of the installation's .env")


async def rotate(settings: Settings, token: SecretStr, env: Path) -> None:
    """Put `token` in force for the next start. Nothing is changed unless Telegram takes it for the same bot.

    Updates and messages wait meanwhile: Telegram keeps what it cannot deliver, and a refused token is tried again.
    Raises TokenError, SettingsError; SopError when only the webhook could not be set.
    """
    new = settings.model_copy(update={"telegram_token": token})
    async with bot_api(settings.telegram_api, token.get_secret_value(), named="the new token") as api:
        await _check(settings, token, api)
        write_env(env, {VARIABLE: token.get_secret_value(), **_kept(settings)})
        try:
            await _set_webhook(new, api)
        except SopError as error:
            raise SopError(
                f"the token is rotated, but not the webhook: {error}; the service sets it when it starts"
            ) from None


def _kept(settings: Settings) -> dict[str, str]:
    """What was derived from the old token, and has to outlive it."""
    return {} if settings.secret else {SECRET: settings.installation_secret}


async def _check(settings: Settings, token: SecretStr, api: BotApi) -> None:
    match = TOKEN.fullmatch(token.get_secret_value())
    if not match:
        raise TokenError("the new token is not a bot token (123456:ABC…); copy it again from @BotFather")
    if int(match[1]) != settings.bot_id:
        raise TokenError(
            f"the new token is bot {match[1]}'s, not bot {settings.bot_id}'s; a database belongs to one bot"
        )
    if (await api.ask("getMe")).result["id"] != settings.bot_id:
        raise TokenError("Telegram takes the new token for another bot; copy it again from @BotFather")


async def _set_webhook(settings: Settings, api: BotApi) -> None:
    if settings.webhook_url is None:
        await api.ask("deleteWebhook")
        return
    secret = settings.derived_secret("webhook")
    await api.ask("setWebhook", url=settings.webhook_url, secret_token=secret, allowed_updates=ALLOWED_UPDATES)


def write_env(env: Path, values: dict[str, str]) -> None:
    """Set variables in the file, each in its line or at the end; mode and owner stay. All or nothing, at once."""
    env = env.resolve()
    lines = env.read_text(encoding="utf-8").splitlines()
    for name, value in values.items():
        line, found = f"{name}={value}", _line_of(lines, name)
        lines[slice(*found)] = [line]
    held = env.stat()
    with NamedTemporaryFile("w", dir=env.parent, prefix=".env.", encoding="utf-8", delete=False) as file:
        try:
            os.chmod(file.name, held.st_mode & 0o777)
            os.chown(file.name, held.st_uid, held.st_gid)
            file.write("\n".join(lines) + "\n")
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, env)
        except BaseException:
            os.unlink(file.name)
            raise


def _line_of(lines: list[str], name: str) -> tuple[int, int]:
    """Where the variable stands, as a slice: the last assignment counts; behind the last line if there is none."""
    shape = re.compile(rf"\s*(?:export\s+)?{name}\s*=")
    places = [place for place, line in enumerate(lines) if shape.match(line)]
    return (places[-1], places[-1] + 1) if places else (len(lines), len(lines))
