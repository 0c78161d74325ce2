"""One bot call from arrival to answer: meter, faults, limits, latency, effect, journal."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from typing import Any

import orjson

from community.sandbox.accounts import Bot
from community.sandbox.chats import Group
from community.sandbox.description.calls import UNKNOWN_METHOD, absent, described
from community.sandbox.errors import LOGGED_OUT, ApiError, ConnectionCut, bad_request, forbidden, too_many
from community.sandbox.faults import Rule
from community.sandbox.journal import Effect, noting
from community.sandbox.membership import migrate
from community.sandbox.methods import METHODS, Call, Method
from community.sandbox.params import INT64, Params, read_params
from community.sandbox.undelivered import keep
from community.sandbox.voting import close_due
from community.sandbox.world import World

UNAUTHORIZED = ApiError(401, "Unauthorized")
TOKEN = re.compile(r"[1-9][0-9]*:[A-Za-z0-9_-]+")
"""What is not even like a token is a path that leads nowhere."""
INTERNAL = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


async def answer(world: World, token: str, name: str, query: bytes, kind: bytes, body: bytes) -> tuple[int, bytes]:
    """HTTP status and body. Raises ConnectionCut when the caller is to get no answer."""
    bot = world.tokens.get(token)
    method = METHODS.get(name) or METHODS.get(name.lower())
    if bot is None:
        return refusal(UNAUTHORIZED if TOKEN.fullmatch(token) else UNKNOWN_METHOD)
    if method is None:
        return refusal(absent(name))
    if bot.logged_out_until and world.clock.present() < bot.logged_out_until:
        return refusal(LOGGED_OUT)
    try:
        params = read_params(query, kind, body)
    except ApiError as error:
        return refusal(error)
    return await _Passage(world, bot, method, params).answer()


async def carry_out(world: World, bot: Bot, name: str, params: Params) -> None:
    """A method named in a webhook's answer; its result goes nowhere (Bot API, Making requests when getting updates)."""
    method = METHODS.get(name.lower())
    if method is not None:
        with suppress(ConnectionCut):
            await _Passage(world, bot, method, params).answer()


def refusal(error: ApiError) -> tuple[int, bytes]:
    body: dict[str, Any] = {"ok": False, "error_code": error.code, "description": error.description}
    if error.parameters:
        body["parameters"] = error.parameters
    return error.code, orjson.dumps(body)


class _Passage:
    """The way of one call through the sandbox."""

    __slots__ = ("arrived", "bot", "chat_id", "date", "effects", "fault", "method", "params", "world")

    def __init__(self, world: World, bot: Bot, method: Method, params: Params) -> None:
        self.world, self.bot, self.method, self.params = world, bot, method, params
        self.arrived = time.monotonic()
        self.date = world.clock.now()
        self.chat_id = _number(world, params.raw.get("chat_id"))
        self.fault: str | None = None
        self.effects: list[Effect] = []

    async def answer(self) -> tuple[int, bytes]:
        try:
            result = await self._run()
        except ApiError as error:
            if error.code == 429:
                self.world.meters[self.bot.id].refuse(self.chat_id)
            if error.code == 403 and self.method.paced:
                keep(self.world, self.bot, self.method.name, self.chat_id, self.params, error.description)
            self._record(error.code, error.description)
            return refusal(error)
        except ConnectionCut as cut:
            self._record(0, "connection reset" if cut.reset else "answer dropped")
            raise
        if result or self.method.name != "getUpdates":
            self._record(None, None)
        return 200, b'{"ok":true,"result":' + orjson.dumps(result) + b"}"

    async def _run(self) -> Any:
        meter = self.world.meters[self.bot.id]
        meter.methods[self.method.name] += 1
        if self.method.paced:
            meter.arrived(self.chat_id, self.arrived)
        described(self.method.name).check(self.params)
        faults = self.world.faults
        rules = faults.hit(self.method.name, self.chat_id) if faults.rules else []
        self._check_limits()
        await self._delay(rules)
        for rule in rules:
            self._before(rule)
        with noting() as self.effects:
            if self.world.timed_polls:
                close_due(self.world)
            result = self.method.handler(Call(self.world, self.bot, self.params))
            if self.method.waits:
                result = await result
        for rule in rules:
            self._after(rule)
        return result

    def _check_limits(self) -> None:
        limits = self.world.limits
        if self.method.paced and limits.enforced:
            purse = self.bot.stars if self.params.flag("allow_paid_broadcast") else None
            refused = self.world.gates[self.bot.id].check(limits, self.chat_id, self.arrived, purse, int(self.date))
            if refused is not None:
                raise refused

    async def _delay(self, rules: list[Rule]) -> None:
        delay = self.world.faults.latency_ms + sum(rule.latency_ms for rule in rules)
        if delay:
            await asyncio.sleep(delay / 1000)
            if self.world.bots.get(self.bot.id) is not self.bot:
                raise UNAUTHORIZED  # the world was reset or loaded meanwhile

    def _before(self, rule: Rule) -> None:
        """Faults that keep the effect from happening."""
        self.fault = rule.kind
        match rule.kind:
            case "status" if not rule.after_effect:
                raise _status(rule)
            case "reset":
                raise ConnectionCut(reset=True)
            case "too_many" | "blocked" | "deactivated" | "kicked" | "migrate":
                raise _refusal_of(rule, self.world, self.bot, self.chat_id)

    def _after(self, rule: Rule) -> None:
        """Faults that lose the answer to what did happen."""
        if rule.kind == "drop_after_accept":
            raise ConnectionCut(reset=False)
        if rule.kind == "status":
            raise _status(rule)

    def _record(self, code: int | None, description: str | None) -> None:
        entry = self.world.journal.add(
            self.date, self.arrived, self.bot.id, self.method.name, self.params.raw,
            error=code, description=description, fault=self.fault, effects=self.effects or (),
            duration=time.monotonic() - self.arrived,
        )  # fmt: skip
        self.world.live.record(entry)


def _status(rule: Rule) -> ApiError:
    return ApiError(rule.status, INTERNAL.get(rule.status, "Internal Server Error"))


def _number(world: World, chat: Any) -> int | None:
    """The chat's number where the parameter has one, for limits and faults; none is longer than 64 bits."""
    try:
        number = int(chat)
        return number if -INT64 <= number < INT64 else None
    except (TypeError, ValueError, OverflowError):
        group = world.group_named(chat) if isinstance(chat, str) and chat.startswith("@") else None
        return group.id if group else None


def _refusal_of(rule: Rule, world: World, bot: Bot, chat_id: int | None) -> ApiError:
    """The error a rule has Telegram answer with. `migrate` migrates a basic group first."""
    group = world.groups.get(chat_id or 0)
    match rule.kind:
        case "too_many":
            return too_many(rule.retry_after)
        case "blocked":
            return forbidden("bot was blocked by the user")
        case "deactivated":
            return forbidden("user is deactivated")
        case "kicked":
            return forbidden(f"bot was kicked from the {group.kind if group else 'supergroup'} chat")
    moved = "group chat was upgraded to a supergroup chat"
    return bad_request(moved, migrate_to_chat_id=_migrated(world, bot, group) if group else chat_id)


def _migrated(world: World, bot: Bot, group: Group) -> int:
    """Where a group is now. A supergroup stays where it is, so that the next try arrives."""
    if group.kind != "group":
        return group.id
    return group.migrated_to or migrate(world, group, bot).id
