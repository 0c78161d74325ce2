"""Meter, limits, faults, clock, queues of updates, and the way back to the start."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

import orjson
from pydantic import Field, TypeAdapter

from community.sandbox.actions.registry import find_bot
from community.sandbox.clock import Clock
from community.sandbox.control.registry import JSON, Asked, ChatRef, Moment, each, route
from community.sandbox.due import catch_up
from community.sandbox.errors import Refused
from community.sandbox.faults import Rule
from community.sandbox.limits import Meter
from community.sandbox.world import World

RULE = TypeAdapter(Rule)


class BotQuery(Asked):
    bot: ChatRef | None = None


class RuleQuery(Asked):
    id: int | None = None


class RuleChange(Asked, extra="allow"):
    """Further fields are those of a rule."""

    id: int


class LimitChanges(Asked):
    enforced: bool | None = None
    per_second: Annotated[int, Field(ge=1, le=10**6)] | None = None
    per_chat_second: Annotated[int, Field(ge=1, le=10**6)] | None = None
    per_group_minute: Annotated[int, Field(ge=1, le=10**6)] | None = None
    chat_burst: Annotated[int, Field(ge=0, le=10**6)] | None = None
    paid_per_second: Annotated[int, Field(ge=1, le=10**6)] | None = None


class Latency(Asked):
    latency_ms: Annotated[float, Field(ge=0, le=600_000)]


class ClockChange(Asked):
    """`real` first, then `now` (and `frozen` there), then `advance` (seconds), then `speed`.

    `frozen` without `now` freezes the present, or lets it go on.
    """

    now: Moment | None = None
    frozen: bool | None = None
    advance: Annotated[float, Field(ge=-4e9, le=4e9, allow_inf_nan=False)] = 0
    speed: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] | None = None
    real: bool = False


class Injection(Asked):
    bot: ChatRef | None = None
    update: dict[str, Any]


@route("GET", "meter")
def meter(world: World, asked: Any) -> JSON:
    return world.meters[find_bot(world, BotQuery.model_validate(asked).bot).id].reading()


@route("DELETE", "meter")
def reset_meter(world: World, asked: Any) -> JSON:
    for bot_id in world.meters:
        world.meters[bot_id] = Meter()
    return {}


@route("GET", "limits")
def read_limits(world: World, asked: Any) -> JSON:
    return asdict(world.limits)


@route("PATCH", "limits")
def set_limits(world: World, asked: Any) -> JSON:
    wanted = LimitChanges.model_validate(asked).model_dump(exclude_none=True)
    for name, value in wanted.items():
        setattr(world.limits, name, value)
    return read_limits(world, asked)


@route("POST", "faults")
def add_faults(world: World, asked: Any) -> list[JSON]:
    return each(asked, lambda entry: {"id": world.faults.add(RULE.validate_python(entry))})


@route("GET", "faults")
def list_faults(world: World, asked: Any) -> JSON:
    return world.faults.as_json()


@route("PATCH", "faults")
def change_fault(world: World, asked: Any) -> JSON:
    """Replace fields of a rule, such as `enabled`; its counts stay."""
    wanted = RuleChange.model_validate(asked)
    fault = world.faults.find(wanted.id)
    fault.rule = RULE.validate_python(asdict(fault.rule) | (wanted.model_extra or {}))
    return fault.as_json() | {"id": wanted.id}


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
    return {"now": world.clock.now(), "frozen": world.clock.frozen, "speed": world.clock.speed}


@route("PATCH", "clock")
async def set_clock(world: World, asked: Any) -> JSON:
    """Whatever fell due meanwhile has happened when this answers, in order and each at its own moment."""
    _change_clock(world.clock, ClockChange.model_validate(asked))
    while catch_up(world):  # noqa: ASYNC110 - a batch each time, others in between
        await asyncio.sleep(0)
    return read_clock(world, asked)


def _change_clock(clock: Clock, wanted: ClockChange) -> None:
    if wanted.real:
        clock.real()
    if wanted.now is not None or wanted.frozen is not None:
        clock.set(clock.now() if wanted.now is None else wanted.now, frozen=bool(wanted.frozen))
    clock.advance(wanted.advance)
    if wanted.speed is not None:
        clock.run(wanted.speed)


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
