"""Telegram Stars of a bot: its balance, and the transactions that make it up."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from community.sandbox.accounts import User

JSON = dict[str, Any]
NANO = 1_000_000_000
"""Nanostars in a Star."""
PAID_BROADCAST = NANO // 10
"""Nanostars for a message above the free limit (Bot API, allow_paid_broadcast)."""
HOUR = 3600


@dataclass(slots=True)
class Transaction:
    """`nano`: nanostars, above zero when they came in. `partner`: Telegram's TransactionPartner without its user."""

    id: str
    date: int
    nano: int
    partner: JSON
    user: User | None = None

    def as_json(self) -> JSON:
        """Telegram's StarTransaction."""
        stars, nano = divmod(abs(self.nano), NANO)
        partner = self.partner | ({"user": self.user.as_json()} if self.user is not None else {})
        shown: JSON = {"id": self.id, "amount": stars, "date": self.date}
        if nano:
            shown["nanostar_amount"] = nano
        return shown | {"source" if self.nano > 0 else "receiver": partner}


@dataclass(slots=True)
class Purse:
    """A bot's Stars. `nano`, its balance in nanostars, is always the sum of its transactions."""

    nano: int = 0
    transactions: list[Transaction] = field(default_factory=list)

    def enter(self, transaction: Transaction) -> None:
        """Record what came in or went out."""
        self.transactions.append(transaction)
        self.nano += transaction.nano

    def bill(self, requests: int, date: int) -> bool:
        """Take the price of one or more paid broadcast messages; False, and nothing taken, when there is too little.

        The bills of one hour stand as one transaction.
        """
        price = requests * PAID_BROADCAST
        if self.nano < price:
            return False
        last = self.transactions[-1]
        if last.partner["type"] == "telegram_api" and last.date // HOUR == date // HOUR:
            last.partner["request_count"] += requests
            last.nano -= price
            self.nano -= price
        else:
            self.enter(Transaction(charge_id(), date, -price, {"type": "telegram_api", "request_count": requests}))
        return True

    def as_json(self) -> JSON:
        """Telegram's StarAmount: both parts have the sign of the balance."""
        stars, nano = divmod(abs(self.nano), NANO)
        sign = -1 if self.nano < 0 else 1
        return {"amount": sign * stars} | ({"nanostar_amount": sign * nano} if nano else {})


def charge_id() -> str:
    """A number of a payment or transaction, like Telegram's for Stars."""
    return "stx" + secrets.token_urlsafe(24)
