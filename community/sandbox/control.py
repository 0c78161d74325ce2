"""The control interface under /control: JSON over HTTP, for tests, the simulator and the web page to come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from community.sandbox import control_models as models, views
from community.sandbox.accounts import User
from community.sandbox.actions import perform
from community.sandbox.errors import Refused
from community.sandbox.faults import Rule
from community.sandbox.limits import Meter
from community.sandbox.world import World

from .actions.registry import find_bot, find_chat, find_group

JSON = dict[str, Any]
Handler = Callable[[World, Any], Any]


def control_app(world: World) -> Starlette:
    """All control routes over one world. A GET's parameters come from the query, others' from a JSON body."""
    routes = [Route(f"/control/{path}", _endpoint(world, handler), methods=[verb]) for verb, path, handler in ROUTES]
    return Starlette(routes=routes)


def _endpoint(world: World, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            asked = dict(request.query_params) if request.method == "GET" else _body(await request.body())
            result = handler(world, asked)
            if isinstance(result, Awaitable):
                result = await result
            return _json({"ok": True, "result": result})
        except ValidationError as error:
            return _json({"ok": False, "error": _explained(error)}, 422)
        except Refused as error:
            return _json({"ok": False, "error": str(error)}, 400)

    return endpoint


def _body(body: bytes) -> Any:
    try:
        return orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise Refused(f"the body is not JSON: {error}") from None


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


def _explained(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())


def _entries(asked: Any) -> list[Any]:
    if not isinstance(asked, list):
        raise Refused("a JSON list is expected")
    return asked


def _each(entries: Any, create: Callable[[Any], JSON]) -> list[JSON]:
    """Results in order; a bad entry gets its own error and does not stop the others."""
    results: list[JSON] = []
    for entry in _entries(entries):
        try:
            results.append({"ok": True} | create(entry))
        except ValidationError as error:
            results.append({"ok": False, "error": _explained(error)})
        except Refused as error:
            results.append({"ok": False, "error": str(error)})
    return results


def create_users(world: World, asked: Any) -> list[JSON]:
    def create(entry: Any) -> JSON:
        wanted = models.NewUser.model_validate(entry)
        world.add_user(User(**wanted.model_dump()))
        return {"id": wanted.id}

    return _each(asked, create)


def create_bots(world: World, asked: Any) -> list[JSON]:
    def create(entry: Any) -> JSON:
        wanted = models.NewBot.model_validate(entry)
        bot = world.add_bot(wanted.token, wanted.username, wanted.first_name, reads_all=wanted.reads_all)
        return {"id": bot.id, "username": bot.username}

    return _each(asked, create)


def create_groups(world: World, asked: Any) -> list[JSON]:
    return _each(asked, lambda entry: models.NewGroup.model_validate(entry).create(world))


def list_chats(world: World, asked: Any) -> JSON:
    return {
        "users": [views.user(user) for user in world.users.values()],
        "bots": [bot.me() | {"token": bot.token} for bot in world.bots.values()],
        "groups": [views.group(world, group) for group in world.groups.values()],
    }


def act(world: World, asked: Any) -> list[JSON]:
    return [perform(world, entry) for entry in _entries(asked)]


def history(world: World, asked: Any) -> list[JSON]:
    wanted = models.HistoryQuery.model_validate(asked)
    if wanted.user is None:
        return views.history(find_group(world, wanted.chat or 0), wanted.limit)
    user = world.users.get(wanted.user)
    if user is None:
        raise Refused(f"no user {wanted.user}")
    return views.history(find_chat(world, user, wanted.chat), wanted.limit)


def received(world: World, asked: Any) -> list[JSON]:
    wanted = models.ReceivedQuery.model_validate(asked)
    return views.received(world, wanted.user, wanted.since)


def delivered(world: World, asked: Any) -> JSON:
    wanted = models.FeedQuery.model_validate(asked)
    return views.delivered(world, wanted.after, wanted.limit)


def join_requests(world: World, asked: Any) -> list[JSON]:
    wanted = models.ChatQuery.model_validate(asked)
    return views.join_requests(world, wanted.chat)


def invite_links(world: World, asked: Any) -> list[JSON]:
    wanted = models.ChatQuery.model_validate(asked)
    return views.invite_links(world, wanted.chat)


def callback(world: World, asked: Any) -> JSON:
    wanted = models.CallbackQuery.model_validate(asked)
    known = world.callbacks.get(wanted.id)
    if known is None:
        raise Refused(f"no callback query {wanted.id}")
    return {"answered": known.answered} | known.answer


def journal(world: World, asked: Any) -> list[JSON]:
    return world.journal.select(**models.JournalQuery.model_validate(asked).model_dump())


def meter(world: World, asked: Any) -> JSON:
    return world.meters[find_bot(world, models.BotQuery.model_validate(asked).bot).id].reading()


def reset_meter(world: World, asked: Any) -> JSON:
    for bot_id in world.meters:
        world.meters[bot_id] = Meter()
    return {}


def set_limits(world: World, asked: Any) -> JSON:
    wanted = models.LimitChanges.model_validate(asked).model_dump(exclude_none=True)
    for name, value in wanted.items():
        setattr(world.limits, name, value)
    return asdict(world.limits)


def add_faults(world: World, asked: Any) -> list[JSON]:
    return _each(asked, lambda entry: {"id": world.faults.add(Rule.model_validate(entry))})


def list_faults(world: World, asked: Any) -> JSON:
    return world.faults.as_json()


def clear_faults(world: World, asked: Any) -> JSON:
    world.faults.remove(models.RuleQuery.model_validate(asked).id)
    return list_faults(world, asked)


def set_latency(world: World, asked: Any) -> JSON:
    world.faults.latency_ms = models.Latency.model_validate(asked).latency_ms
    return {}


def read_clock(world: World, asked: Any) -> JSON:
    return {"now": world.clock.now(), "frozen": world.clock.frozen}


def set_clock(world: World, asked: Any) -> JSON:
    wanted = models.ClockChange.model_validate(asked)
    if wanted.real:
        world.clock.real()
    if wanted.now is not None:
        world.clock.set(wanted.now, frozen=wanted.frozen)
    world.clock.advance(wanted.advance)
    return read_clock(world, asked)


def inject(world: World, asked: Any) -> JSON:
    wanted = models.Injection.model_validate(asked)
    return {"update_id": find_bot(world, wanted.bot).inbox.put_raw(wanted.update)}


def pending(world: World, asked: Any) -> JSON:
    return {str(bot.id): world.pending(bot) for bot in world.bots.values()}


async def reset(world: World, asked: Any) -> JSON:
    await world.reset()
    return {}


ROUTES: list[tuple[str, str, Handler]] = [
    ("POST", "users", create_users),
    ("POST", "bots", create_bots),
    ("POST", "groups", create_groups),
    ("GET", "chats", list_chats),
    ("POST", "actions", act),
    ("GET", "history", history),
    ("GET", "received", received),
    ("GET", "delivered", delivered),
    ("GET", "join-requests", join_requests),
    ("GET", "invite-links", invite_links),
    ("GET", "callback", callback),
    ("GET", "journal", journal),
    ("GET", "meter", meter),
    ("DELETE", "meter", reset_meter),
    ("PATCH", "limits", set_limits),
    ("POST", "faults", add_faults),
    ("GET", "faults", list_faults),
    ("DELETE", "faults", clear_faults),
    ("PUT", "latency", set_latency),
    ("GET", "clock", read_clock),
    ("PATCH", "clock", set_clock),
    ("POST", "updates", inject),
    ("GET", "pending", pending),
    ("POST", "reset", reset),
]
