"""The way to the dashboard: whoever asks in the staff chat is staff, and gets a link of their own in private."""

from telegram import Message

from community.bot import intents
from community.bot.turn import Turn
from community.members.models import Dm

WORDS = ("dashboard", "看板", "數據看板", "数据看板")


async def on_staff_message(turn: Turn, message: Message) -> bool:
    """Send a link to who asks for the dashboard in the staff chat; False if nobody does, there."""
    if turn.entrance is None or turn.staff_chat is None or message.chat.id != turn.staff_chat:
        return False
    command = intents.command(message.text or "")
    if (command.name if command else (message.text or "").strip()) not in WORDS or message.from_user is None:
        return False
    member = await turn.member(message.from_user)
    reachable = member.dm == Dm.open
    if reachable:
        turn.reply(member, "bot/dashboard", address=await turn.entrance.invite(turn.conn))
    turn.tell_staff("staff/dashboard", member, sent=reachable)
    return True
