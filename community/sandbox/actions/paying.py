"""Paying invoices, and giving subscriptions up."""

from __future__ import annotations

from community.sandbox.accounts import User
from community.sandbox.actions.registry import JSON, Gesture, find_chat, find_message, gesture
from community.sandbox.chats import Group
from community.sandbox.errors import Refused
from community.sandbox.invoices import Subscription
from community.sandbox.messages import Message, buttons
from community.sandbox.payments import begin
from community.sandbox.subscriptions import cancel, resume
from community.sandbox.world import World


def pay(world: World, user: User, message: Message) -> JSON:
    """Begin to pay the invoice in a message."""
    if message.offer is None:
        raise Refused(f"message {message.id} is not an invoice")
    if not any(button.get("pay") for button in buttons(message.markup)):
        raise Refused("this copy of the invoice leads to the bot: press its button")
    return {"payment": begin(world, user, message.offer.invoice, message).number}


@gesture("pay")
class Pay(Gesture):
    """Pay the invoice in `message` of `chat`, or behind a `link`. Answers at once with ``payment``, its number."""

    chat: int | str | None = None
    message: int | None = None
    link: str | None = None

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        if self.link is not None:
            return self._by_link(world, user, self.link)
        if self.message is None:
            raise Refused("name the message of an invoice, or a link")
        chat = find_chat(world, user, self.chat)
        if isinstance(chat, Group) and not chat.member(user, world.clock.date()).present:
            raise Refused(f"user {user.id} is not in {chat.id}")
        return pay(world, user, find_message(chat, self.message))

    @staticmethod
    def _by_link(world: World, user: User, link: str) -> JSON:
        invoice = world.till.invoices.get(link)
        if invoice is None:
            raise Refused(f"no invoice link {link}")
        return {"payment": begin(world, user, invoice).number}


class SubscribersGesture(Gesture):
    """About `subscription`, by the charge of any of its payments; the user's only one may go without a name."""

    subscription: str | None = None

    def found(self, world: World) -> Subscription:
        user = self.who(world)
        own = [each for each in world.till.running.values() if each.user is user]
        if self.subscription is not None:
            named = world.till.by_charge.get(self.subscription)
            own = [each for each in own if each is named]
        if len(own) != 1:
            raise Refused(f"user {user.id} has {len(own)} such subscriptions; name one that runs by its charge")
        return own[0]


@gesture("cancel_subscription")
class CancelSubscription(SubscribersGesture):
    """Pay no further; what is paid lasts to its end."""

    def apply(self, world: World) -> JSON:
        cancel(world, self.found(world))
        return {}


@gesture("resume_subscription")
class ResumeSubscription(SubscribersGesture):
    """Take one's cancel back."""

    def apply(self, world: World) -> JSON:
        resume(world, self.found(world))
        return {}
