"""Paying, and seeing what came of it."""

from __future__ import annotations

import asyncio

from community.sandbox.client.connection import JSON, Chat
from community.sandbox.client.gestures import Gestures


class Paying(Gestures):
    """Payments, subscriptions, Stars."""

    async def pay(
        self, user: int, *, chat: Chat = None, message: int | None = None, link: str | None = None,
        at: float | None = None,
    ) -> int:  # fmt: skip
        """Begin to pay the invoice in a message or behind a link; the payment's number."""
        number: int = (await self.act("pay", user=user, chat=chat, message=message, link=link, at=at))["payment"]
        return number

    async def invoice(self, link: str) -> JSON:
        """What stands behind a link: title, description, currency, total_amount, bot, photo, subscription_period."""
        result: JSON = await self.ask("GET", "invoice", link=link)
        return result

    async def payment(self, number: int) -> JSON:
        """state (waiting, paid, refused), error, charge_id, receipt (a message), refunded and what it was for."""
        result: JSON = await self.ask("GET", "payment", number=number)
        return result

    async def payments(self, user: int | None = None) -> list[JSON]:
        result: list[JSON] = await self.ask("GET", "payments", user=user)
        return result

    async def wait_paid(self, number: int, within: float = 12) -> JSON:
        """The payment once it is paid or refused. Raises TimeoutError after `within` seconds."""
        async with asyncio.timeout(within):
            while (payment := await self.payment(number))["state"] == "waiting":  # noqa: ASYNC110 - the event is in another process
                await asyncio.sleep(0.01)
        return payment

    async def subscriptions(self, user: int | None = None) -> list[JSON]:
        """Also those that ended: subscription (its first charge), until, canceled, canceled_by_bot, ended (why)."""
        result: list[JSON] = await self.ask("GET", "subscriptions", user=user)
        return result

    async def cancel_subscription(self, user: int, subscription: str | None = None) -> None:
        """By the charge of any of its payments; the user's only one may go without."""
        await self.act("cancel_subscription", user=user, subscription=subscription)

    async def resume_subscription(self, user: int, subscription: str | None = None) -> None:
        await self.act("resume_subscription", user=user, subscription=subscription)

    async def add_stars(self, stars: int, *, user: int | None = None, bot: Chat = None) -> int:
        """To a user, or else to a bot; below zero takes away. What they have then, in whole Stars."""
        body = {"stars": stars} | ({"user": user} if user is not None else {"bot": bot})
        amount: int = (await self.ask("POST", "stars", body))["amount"]
        return amount
