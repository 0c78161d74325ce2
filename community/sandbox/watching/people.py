"""Users and bots by name, a page at a time."""

from __future__ import annotations

from itertools import chain, islice
from typing import Any

from community.sandbox.accounts import Account, User
from community.sandbox.world import World

JSON = dict[str, Any]


def person(account: Account) -> JSON:
    """Telegram's User, with the Stars of users, and whether they are gone."""
    if not isinstance(account, User):
        return account.as_json()
    return account.as_json() | {"stars": account.stars} | ({"deactivated": True} if account.deactivated else {})


def matches(account: Account, wanted: str) -> bool:
    """By any part of the name or username, or the beginning of the number; `wanted` in lower case."""
    named = f"{account.first_name} {account.last_name or ''} @{account.username or ''}".lower()
    return wanted in named or str(account.id).startswith(wanted)


def people(world: World, query: str, offset: int, limit: int, *, bots: bool | None) -> JSON:
    """`bots`: only them, or only users; None: bots first, then users in the order they came."""
    accounts = chain(
        world.bots.values() if bots is not False else (),
        world.users.values() if not bots else (),
    )
    wanted = query.strip().lower()
    if not wanted:
        counts = (len(world.bots) if bots is not False else 0) + (len(world.users) if not bots else 0)
        return {"people": [person(each) for each in islice(accounts, offset, offset + limit)], "total": counts}
    found = [each for each in accounts if matches(each, wanted)]
    return {"people": [person(each) for each in found[offset : offset + limit]], "total": len(found)}
