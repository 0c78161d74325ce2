"""Journal, meter, limits, faults, clock, queues of updates, and the way back to the start."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import orjson
from pydantic import Field

from community.sandbox.actions.registry import find_bot
from community.sandbox.control.registry import JSON, Asked, ChatRef, Moment, each, route
from community.sandbox.errors import Refused
from community.sandbox.faults import Rule
from community.sandbox.limits import Meter
from community.sandbox.payments import watch
from community.sandbox.subscriptions import due
from community.sandbox.voting import close_due
from community.sandbox.world import World


class BotQuery(Asked):
    bot: ChatRef | None = None


class RuleQuery(Asked):
    id: int | None = None


class JournalQuery(Asked):
    after: Annotated[int, Field(ge=0, le=2**52)] = 0
    method: str | None = None
    chat_id: str | None = None
    bot_id: int | None = None
    limit: Annotated[int, Field(ge=1, le=1_000_000)] = 1000


class LimitChanges(Asked):
    enforced: bool | None = None
    per_second: Annotated[int, Field(ge=1, le=10**6)] | None = None
    per_chat_second: Annotated[int, Field(ge=1, le=10**6)] | None = None
    per_group_minute: Annotated[int, Field(ge=1, le=10**6)] | None = None


class Latency(Asked):
    latency_ms: Annotated[float, Field(ge=0, le=600_000)]


class ClockChange(Asked):
    """`real` first, then `now`, then `advance` (seconds)."""

    now: Moment | None = None
    frozen: bool = False
    advance: Annotated[float, Field(ge=-4e9, le=4e9, allow_inf_nan=False)] = 0
    real: bool = False


class Injection(Asked):
    bot: ChatRef | None = None
    update: dict[str, Any]


@route("GET", "journal")
def journal(world: World, asked: Any) -> list[JSON]:
    return world.journal.select(**JournalQuery.model_validate(asked).model_dump())


@route("GET", "meter")
def meter(world: World, asked: Any) -> JSON:
    return world.meters[find_bot(world, BotQuery.model_validate(asked).bot).id].reading()


@route("DELETE", "meter")
def reset_meter(world: World, asked: Any) -> JSON:
    for bot_id in world.meters:
        world.meters[bot_id] = Meter()
    return {}


@route("PATCH", "limits")
def set_limits(world: World, asked: Any) -> JSON:
    wanted = LimitChanges.model_validate(asked).model_dump(exclude_none=True)
    for name, value in wanted.items():
        setattr(world.limits, name, value)
    return asdict(world.limits)


@route("POST", "faults")
def add_faults(world: World, asked: Any) -> list[JSON]:
    return each(asked, lambda entry: {"id": world.faults.add(Rule.model_validate(entry))})


@route("GET", "faults")
def list_faults(world: World, asked: Any) -> JSON:
    return world.faults.as_json()


@route("DELETE", "faults")
def clear_faults(world: World, asked: Any) -> JSON:
    world.faults.remove(RuleQuery.model_validate(asked).id)
    return list_faults(world, asked)


@route("PUT", "latency")
def set_latency(world: World, asked: Any) -> JSON:
    world.faults.latency_ms = Latency.model_validate(asked).latency_ms
    return {}


@route("GET", "clock")
def read_clock(world: World, asked: Any) -> JSON:
    return {"now": world.clock.now(), "frozen": world.clock.frozen}


@route("PATCH", "clock")
def set_clock(world: World, asked: Any) -> JSON:
    wanted = ClockChange.model_validate(asked)
    if wanted.real:
        world.clock.real()
    if wanted.now is not None:
        world.clock.set(wanted.now, frozen=wanted.frozen)
    world.clock.advance(wanted.advance)
    due(world, world.clock.present())
    watch(world)
    close_due(world)
    return read_clock(world, asked)


@route("POST", "updates")
def inject(world: World, asked: Any) -> JSON:
    wanted = Injection.model_validate(asked)
    try:
        orjson.dumps(wanted.update)
    except orjson.JSONEncodeError as error:
        raise Refused(f"update cannot be written as JSON: {error}") from None
    return {"update_id": find_bot(world, wanted.bot).inbox.put_raw(wanted.update)}


@route("GET", "pending")
def pending(world: World, asked: Any) -> JSON:
    return {str(bot.id): world.pending(bot) for bot in world.bots.values()}


@route("POST", "reset")
async def reset(world: World, asked: Any) -> JSON:
    await world.reset()
    return {}
