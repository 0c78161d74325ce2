"""A word on a proposal, by a button in the staff chat: whoever is in that chat may decide, and is known by it."""

import re
from typing import Any

from community.bot.turn import Turn
from community.errors import UnknownProposal
from community.members.models import Member
from community.outreach.decide import decide
from community.outreach.proposal import STAFF_CHAT, Proposal
from community.outreach.proposals import find_proposal

WORD = re.compile("([0-9]{1,9})_(send|first|cancel)")


async def on_approve_button(turn: Turn, member: Member, argument: str, chat_id: int | None) -> bool:
    """Decide as pressed, and say over the chat what came of it. False: nothing was to be decided here."""
    if not turn.in_staff_chat(chat_id):
        _say(turn, member, pressed="elsewhere")
        return False
    word = WORD.fullmatch(argument)
    proposal = await _proposal(turn, word[1]) if word else None
    if word is None or proposal is None:
        _say(turn, member, pressed="unknown")
        return False
    await _decide(turn, member, proposal, word[2])
    return True


async def _decide(turn: Turn, member: Member, proposal: Proposal, word: str) -> None:
    whose = {"bot_id": turn.bot_id, "staff_chat": turn.staff_chat}
    by = {"by": str(member.id), "how": STAFF_CHAT, "note": ""}
    if await decide(turn.conn, proposal.id, word, turn.at, **by, **whose):  # type: ignore[arg-type]
        _say(turn, member, pressed=word)
        return
    now = await find_proposal(turn.conn, str(proposal.id))  # somebody may have been quicker
    if now.state == "proposed":
        _say(turn, member, pressed="late")
    else:
        _say(turn, member, pressed="decided", decision=now.decision, by=now.decided_by, how=now.decided_how)


async def _proposal(turn: Turn, number: str) -> Proposal | None:
    try:
        return await find_proposal(turn.conn, number)
    except UnknownProposal:
        return None


def _say(turn: Turn, member: Member, **what: Any) -> None:
    turn.answer(member, "staff/pressed", **{"decision": None, "by": None, "how": None, **what})
