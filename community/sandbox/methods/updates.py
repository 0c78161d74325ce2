"""Getting updates: long polling, webhook settings."""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

from community.sandbox.errors import ApiError, bad_request
from community.sandbox.methods.registry import Call, method
from community.sandbox.params import Params
from community.sandbox.updates import DEFAULT, TERMINATED_BY_WEBHOOK, WEBHOOK_ACTIVE, Webhook
from community.sandbox.webhook import begin_webhook, end_webhook

LONGEST_POLL = 50
SECRET = re.compile(r"[A-Za-z0-9_-]*")
LARGEST_CERTIFICATE = 3 << 20
UNKNOWN_ADDRESS = "<unknown>"
"""What Telegram says of an address it has not looked up; the sandbox looks none up."""


@method("getUpdates")
async def get_updates(call: Call) -> list[dict[str, Any]]:
    inbox, params = call.bot.inbox, call.params
    if inbox.webhook is not None:
        raise ApiError(409, WEBHOOK_ACTIVE)
    offset, limit = params.integer("offset"), params.integer("limit", 100)
    timeout = min(max(params.integer("timeout"), 0), LONGEST_POLL)
    inbox.allow(_kinds(call))
    return await inbox.poll(offset, min(max(limit, 1), 100), timeout)


def _kinds(call: Call) -> list[str] | None:
    kinds = call.params.listing("allowed_updates")
    if kinds is not None and not all(isinstance(kind, str) for kind in kinds):
        raise bad_request("can't parse allowed updates: array of strings expected")
    return kinds


@method("setWebhook")
async def set_webhook(call: Call) -> bool:
    """The same settings again change nothing but `allowed_updates`."""
    inbox, drop = call.bot.inbox, call.params.flag("drop_pending_updates")
    wanted, kinds = _read_webhook(call.params), _kinds(call)
    if wanted is not None and wanted.same(inbox.webhook) and not drop:
        inbox.allow(kinds)
        return True
    await end_webhook(call.world, call.bot)
    while inbox.webhook is not None:  # another call began one meanwhile
        await end_webhook(call.world, call.bot)
    if drop:
        inbox.queue.clear()
    inbox.allow(kinds)
    if wanted is not None:
        inbox.end_poll(ApiError(409, TERMINATED_BY_WEBHOOK))
        begin_webhook(call.world, call.bot, wanted)
    return True


def _read_webhook(params: Params) -> Webhook | None:
    """None without an address, which ends the webhook."""
    url, secret = params.text("url").strip(), params.text("secret_token")
    if not url:
        return None
    _check_address(url)
    if len(secret) > 256:
        raise bad_request("secret token is too long")
    if not SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    certificate = params.files.get("certificate")
    if certificate is not None and len(certificate.data) > LARGEST_CERTIFICATE:
        raise bad_request(f"certificate size is too big ({len(certificate.data)} bytes)")
    connections = min(max(params.integer("max_connections", 40), 1), 100)
    return Webhook(url, secret or None, connections, _ip_address(params, url), certificate is not None)


def _check_address(url: str) -> None:
    """Plain http is allowed here, as with Telegram's own local server."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise bad_request("invalid webhook URL specified")


def _ip_address(params: Params, url: str) -> str:
    """As given, or as the address itself says."""
    given = params.text("ip_address")
    try:
        return str(ipaddress.ip_address(given or urlsplit(url).hostname or ""))
    except ValueError:
        if given:
            raise bad_request("bad webhook: invalid IP address specified") from None
        return UNKNOWN_ADDRESS


@method("deleteWebhook")
async def delete_webhook(call: Call) -> bool:
    await end_webhook(call.world, call.bot)
    if call.params.flag("drop_pending_updates"):
        call.bot.inbox.queue.clear()
    return True


@method("getWebhookInfo")
def get_webhook_info(call: Call) -> dict[str, Any]:
    inbox, webhook = call.bot.inbox, call.bot.inbox.webhook
    info: dict[str, Any] = {
        "url": webhook.url if webhook else "",
        "has_custom_certificate": webhook.certificate if webhook else False,
        "pending_update_count": call.world.pending(call.bot),
    }
    if inbox.allowed != DEFAULT:
        info["allowed_updates"] = sorted(inbox.allowed)
    if webhook is not None:
        info |= {"max_connections": webhook.max_connections, "ip_address": webhook.ip_address}
        if webhook.last_error_date is not None:
            info |= {"last_error_date": webhook.last_error_date, "last_error_message": webhook.last_error_message}
    return info
