"""Getting updates: long polling, webhook settings."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from community.sandbox.errors import ApiError, bad_request
from community.sandbox.methods.registry import Call, method
from community.sandbox.updates import WEBHOOK_ACTIVE, Webhook

LONGEST_POLL = 50
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


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
    url, secret = call.params.text("url").strip(), call.params.text("secret_token")
    kinds, connections = _kinds(call), call.params.integer("max_connections", 40)
    if url:
        _check_webhook(url, secret)
    await _end_webhook(call)
    call.bot.inbox.allow(kinds)
    if url:
        webhook = call.bot.inbox.webhook = Webhook(url, secret or None, min(max(connections, 1), 100))
        call.bot.inbox.end_poll(ApiError(409, WEBHOOK_ACTIVE))
        call.world.deliver(call.bot, webhook)
    return True


def _check_webhook(url: str, secret: str) -> None:
    """Plain http is allowed here, as with Telegram's own local server."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise bad_request("bad webhook: invalid webhook URL specified")
    if secret and not SECRET.fullmatch(secret):
        raise bad_request("bad webhook: secret token contains unallowed characters")


async def _end_webhook(call: Call) -> None:
    courier = call.world.couriers.pop(call.bot.id, None)
    call.bot.inbox.webhook = None
    if courier is not None:
        await courier.stop()
    if call.params.flag("drop_pending_updates"):
        call.bot.inbox.queue.clear()


@method("deleteWebhook")
async def delete_webhook(call: Call) -> bool:
    await _end_webhook(call)
    return True


@method("getWebhookInfo")
def get_webhook_info(call: Call) -> dict[str, Any]:
    webhook = call.bot.inbox.webhook
    info: dict[str, Any] = {
        "url": webhook.url if webhook else "",
        "has_custom_certificate": False,
        "pending_update_count": call.world.pending(call.bot),
        "allowed_updates": sorted(call.bot.inbox.allowed),
    }
    if webhook is not None:
        info["max_connections"] = webhook.max_connections
        if webhook.last_error_date is not None:
            info |= {"last_error_date": webhook.last_error_date, "last_error_message": webhook.last_error_message}
    return info
