"""How polls come into chats, are voted in and end, and which bots are told."""

from __future__ import annotations

from community.sandbox.accounts import Bot, User
from community.sandbox.messages import Message
from community.sandbox.polls import Poll
from community.sandbox.posting import discussed
from community.sandbox.world import World


def show(world: World, poll: Poll, message: Message) -> None:
    """Let a message carry a poll, also one that came from elsewhere, and its copy in a discussion group with it.

    A `close_date` ends the poll at that sandbox date.
    """
    message.poll = poll
    poll.messages.append(message)
    if poll.close_date is not None and not poll.closed and poll.id not in world.timed_polls:
        world.timed_polls[poll.id] = poll
    world.live.message(message)
    copy = discussed(message)
    if copy is not None:
        show(world, poll, copy)


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
