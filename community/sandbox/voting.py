"""How polls come into chats, are voted in and end, and which bots are told."""

from __future__ import annotations

import asyncio

from community.sandbox.accounts import Bot, User
from community.sandbox.messages import Message
from community.sandbox.polls import Poll
from community.sandbox.world import World


def open_poll(world: World, poll: Poll) -> None:
    """Keep a new poll; one with a `close_date` ends by itself at that sandbox date."""
    world.polls[poll.id] = poll
    if poll.close_date is not None and not poll.closed:
        world.timed_polls[poll.id] = poll
        asyncio.get_running_loop().call_later(max(0, poll.close_date - world.clock.now()), close_due, world)


def attach(world: World, message: Message) -> None:
    """A message that shows a poll hears of its votes, wherever it was forwarded from."""
    poll = world.polls.get(message.content["poll"]["id"])
    if poll is not None:
        poll.messages.append(message)


def close_due(world: World) -> None:
    """Close the polls whose time is over. To be called when sandbox time may have moved on."""
    now = world.clock.now()
    for poll in [poll for poll in world.timed_polls.values() if (poll.close_date or 0) <= now]:
        close(world, poll)


def close(world: World, poll: Poll) -> None:
    poll.closed = True
    world.timed_polls.pop(poll.id, None)
    _changed(world, poll, poll.owner.id)


def vote(world: World, poll: Poll, voter: User, chosen: list[int]) -> None:
    """Count a vote, or with nothing chosen take it back. Only the bot that sent the poll is told (Bot API, Update)."""
    if chosen:
        poll.votes[voter.id] = chosen
    else:
        poll.votes.pop(voter.id, None)
    _changed(world, poll, voter.id)
    if isinstance(poll.owner, Bot) and not poll.asked["is_anonymous"]:
        answer = {
            "poll_id": poll.id,
            "user": voter.as_json(),
            "option_ids": chosen,
            "option_persistent_ids": [poll.options[option]["persistent_id"] for option in chosen],
        }
        poll.owner.inbox.put("poll_answer", answer, voter.id)


def _changed(world: World, poll: Poll, lane: int) -> None:
    poll.show()
    for message in poll.messages:
        world.live.message(message)
    if isinstance(poll.owner, Bot):
        poll.owner.inbox.put("poll", poll.as_json(), lane)
