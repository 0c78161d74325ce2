"""Staff's word on who is due to leave, by a button in the staff chat."""

import re
from datetime import UTC, datetime

from community.bot.turn import Turn
from community.groups.removing import take_word
from community.members.models import Member

WORD = re.compile("(approve|keep)_([0-9]{1,11})")
STATES = {"approve": "approved", "keep": "kept"}


async def on_removals_button(turn: Turn, member: Member, argument: str, chat_id: int | None) -> bool:
    """Decide on all it was asked about that are still open. False: it is none of ours, or was pressed elsewhere."""
    word = WORD.fullmatch(argument)
    if word is None or not turn.in_staff_chat(chat_id):
        return False
    asked_by = datetime.fromtimestamp(int(word[2]), UTC)
    await take_word(turn.conn, STATES[word[1]], turn.at, by=f"member {member.id}", asked_by=asked_by)
    return True
