"""Live sessions in the private chat: registering, by button or start link, and questions asked beforehand."""

from datetime import timedelta

from community.bot.turn import Turn
from community.live.people import Answer, ask, openness, register
from community.live_actions import REGISTER, read_live, read_start
from community.members.models import Member
from community.members.profile import answered, expect, expected

QUESTION = "live_question:"
"""What a member is expected to answer: this and the session's number."""
ASK_WITHIN = timedelta(days=1)
"""How long a typed message counts as the question that was asked for."""


async def on_live_button(turn: Turn, member: Member, argument: str) -> bool:
    """A button about a session, `live:register_<number>` or `live:ask_<number>`; False: it is none of ours."""
    action = read_live(argument)
    if action is None:
        return False
    if action.what == REGISTER:
        return await _register(turn, member, action.live_id, "button")
    answer = await openness(turn.conn, action.live_id, turn.at)
    return await _invite(turn, member, action.live_id, answer, "bot/live_ask")


async def on_live_start(turn: Turn, member: Member, payload: str) -> bool:
    """Start was pressed by a link that registers for a session; False: it is another payload."""
    live_id = read_start(payload)
    if live_id is None or not await _register(turn, member, live_id, "link"):
        return False
    turn.note("start", member, None, payload="live", live=live_id)
    return True


async def on_typed_question(turn: Turn, member: Member, text: str) -> bool:
    """A typed message, if the member is expected to ask something; False: it is not, or the session is over."""
    question = await expected(turn.conn, member.id, turn.at - ASK_WITHIN) or ""
    if not question.startswith(QUESTION):
        return False
    await answered(turn.conn, member.id, question)
    live_id = int(question.removeprefix(QUESTION))
    answer = await ask(turn.conn, live_id, member.id, text, turn.at)
    if answer not in (Answer.done, Answer.already):
        return False
    turn.note("answer", member, None, question="live", length=len(text))
    turn.reply(member, "bot/live_asked" if answer is Answer.done else "bot/live_enough", live=live_id)
    return True


async def _register(turn: Turn, member: Member, live_id: int, by: str) -> bool:
    answer = await register(turn.conn, live_id, member.id, turn.at, by)
    return await _invite(turn, member, live_id, answer, "bot/live_registered")


async def _invite(turn: Turn, member: Member, live_id: int, answer: Answer, template: str) -> bool:
    """Answer the member, whose next message may be a question; False for a session that never was."""
    if answer is Answer.unknown:
        return False
    if answer in (Answer.done, Answer.already):
        await expect(turn.conn, member.id, f"{QUESTION}{live_id}", turn.at)
        turn.reply(member, template, live=live_id)
    else:
        turn.reply(member, "bot/live_over")
    return True
