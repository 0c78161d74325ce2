"""A word on an experiment, by a button in the staff chat: whoever is in that chat may decide, and is known by it."""

import re
from typing import Any

from community.bot.turn import Turn
from community.database.queries import load
from community.errors import ExperimentRefused
from community.insight.experiments import OPEN, Experiment, apply, end, find
from community.members.models import Member

queries = load(__file__, "experimenting.sql")
WORD = re.compile("([a-z][a-z0-9_]{0,63})_(apply|end)")


async def on_experiment_button(
    turn: Turn, member: Member, argument: str, chat_id: int | None, message_id: int | None
) -> bool:
    """Decide as pressed, and say over the chat what came of it. False: nothing was to be decided here."""
    if not turn.in_staff_chat(chat_id):
        _say(turn, member, pressed="elsewhere")
        return False
    word = WORD.fullmatch(argument)
    found = await _experiment(turn, word[1]) if word else None
    if word is None or found is None:
        _say(turn, member, pressed="unknown")
        return False
    await _decide(turn, member, found, word[2], message_id)
    return True


async def _decide(turn: Turn, member: Member, found: Experiment, word: str, message_id: int | None) -> None:
    if found.state not in OPEN:
        _say(turn, member, pressed="decided", state=found.state, by=found.decided_by or "")
        return
    shown = await _winner_shown(turn, message_id)
    if word == "apply" and (shown is None or shown != found.winner):
        _say(turn, member, pressed="outdated")
        return
    by = f"member {member.id}"
    if word == "apply":
        await apply(turn.conn, found.key, turn.at, by=by, variant=shown)
    else:
        await end(turn.conn, found.key, turn.at, by=by)
    _say(turn, member, pressed=word, winner=shown if word == "apply" else found.definition.names[0])


async def _winner_shown(turn: Turn, message_id: int | None) -> str | None:
    """What the message under which it was pressed names as the winner: who presses an old one means that."""
    values = {"id": message_id, "chat_id": turn.staff_chat}
    row = await (await turn.conn.execute(queries.shown, values)).fetchone()
    return row["winner"] if row else None


async def _experiment(turn: Turn, key: str) -> Experiment | None:
    try:
        return await find(turn.conn, key)
    except ExperimentRefused:
        return None


def _say(turn: Turn, member: Member, **what: Any) -> None:
    turn.answer(member, "staff/experiment_pressed", **{"winner": "", "state": "", "by": "", **what})
