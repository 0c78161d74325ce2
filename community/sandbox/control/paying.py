"""Payments, subscriptions and Stars, and adding to somebody's Stars."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from pydantic import Field

from community.sandbox.actions.registry import find_bot, find_user
from community.sandbox.control.registry import JSON, Asked, ChatRef, route
from community.sandbox.errors import Refused
from community.sandbox.payments import expire
from community.sandbox.stars import NANO, Transaction
from community.sandbox.world import World


class PaymentQuery(Asked):
    number: int


class LinkQuery(Asked):
    link: str


class BuyerQuery(Asked):
    user: int | None = None


class TopUp(Asked):
    """To a `user`, or to a `bot` (the first one when both are left out)."""

    user: int | None = None
    bot: ChatRef | None = None
    stars: Annotated[int, Field(ge=-(2**40), le=2**40)]


@route("GET", "payment")
def payment(world: World, asked: Any) -> JSON:
    number = PaymentQuery.model_validate(asked).number
    expire(world)
    found = world.till.payments.get(number)
    if found is None:
        raise Refused(f"no payment {number}")
    return found.as_seen()


@route("GET", "invoice")
def invoice(world: World, asked: Any) -> JSON:
    """What stands behind an invoice link."""
    link = LinkQuery.model_validate(asked).link
    found = world.till.invoices.get(link)
    if found is None:
        raise Refused(f"no invoice link {link}")
    about = {"bot": found.bot.id, "photo": found.photo, "subscription_period": found.period or None}
    return found.shown | about


@route("GET", "payments")
def payments(world: World, asked: Any) -> list[JSON]:
    user = BuyerQuery.model_validate(asked).user
    expire(world)
    return [each.as_seen() for each in world.till.payments.values() if user in (None, each.user.id)]


@route("GET", "subscriptions")
def subscriptions(world: World, asked: Any) -> list[JSON]:
    user = BuyerQuery.model_validate(asked).user
    return [each.as_seen() for each in world.till.subscriptions if user in (None, each.user.id)]


@route("POST", "stars")
def add_stars(world: World, asked: Any) -> JSON:
    wanted = TopUp.model_validate(asked)
    if wanted.user is not None:
        return _to_user(world, wanted.user, wanted.stars)
    bot = find_bot(world, wanted.bot)
    nano = wanted.stars * NANO
    if bot.stars.nano + nano < 0:
        raise Refused(f"bot {bot.id} has {bot.stars.nano // NANO} Stars")
    if nano:
        bot.stars.enter(Transaction("top" + secrets.token_hex(12), world.clock.date(), nano, {"type": "other"}))
    world.live.account(bot)
    return bot.stars.as_json()


def _to_user(world: World, number: int, stars: int) -> JSON:
    user = find_user(world, number)
    if user.stars + stars < 0:
        raise Refused(f"user {number} has {user.stars} Stars")
    user.stars += stars
    world.live.account(user)
    return {"amount": user.stars}
