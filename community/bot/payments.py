"""Payments in Stars, as Telegram tells of them: kept in the update's transaction, settled right after it."""

from telegram import Message

from community.bot.turn import Turn, is_person
from community.members.reach import open_chat
from community.payments.events import StoredEvent, store
from community.payments.providers import stars


def is_payment(message: Message) -> bool:
    """Whether it says that something was paid, or paid back."""
    return message.successful_payment is not None or message.refunded_payment is not None


async def on_payment(turn: Turn, message: Message) -> None:
    """Stars were paid, or paid back: in the private chat, or where the invoice was."""
    private = message.chat.type == "private"
    payer = message.chat.id if private else message.from_user.id if message.from_user else None
    if message.from_user is not None and message.from_user.id == payer and is_person(message.from_user):
        member = await turn.member(message.from_user)
        if private:
            await open_chat(turn.conn, member.id)
    said = message.to_dict()
    event = StoredEvent(stars.NAME, stars.notice(said, payer), stars.body_of(said).decode())
    await store(turn.conn, [event])
    turn.paid = True
