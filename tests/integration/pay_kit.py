"""What the tests of payments share: plans, events of a provider, and how everything stands afterwards."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from community.bundle import Bundle
from community.database.pool import Connection
from community.payments.events import StoredEvent, store
from community.payments.ledger import balances
from community.payments.models import Order
from community.payments.notice import Kind, Notice
from community.payments.orders import NewOrder, Opened, open_order
from community.payments.truth import differences, uneven
from community.payments.work import drain
from community.playbook_types import Amount, parse_money
from tests.integration.conftest import BOT_ID, NOON
from tests.integration.rows import one

PLANS = {
    "month": {
        "title": {"en": "Month"},
        "length": "30d",
        "price": "199 CNY",
        "prices": ["29 USD", "1500 XTR"],
        "chats": ["Club", "VIP"],
        "library": ["eu_market_rules"],
    },
    "year": {"title": {"en": "Year"}, "length": "360d", "price": "1688 CNY", "chats": ["VIP"]},
    "pack": {"title": {"en": "Pack"}, "line": "pack", "length": "90d", "price": "29 USD", "chats": ["VIP"]},
    "all": {"title": {"en": "All"}, "length": "360d", "price": "2000 CNY", "includes": ["pack"], "chats": ["VIP"]},
    "life": {"title": {"en": "For life"}, "price": "9999 CNY"},
}
PRICE = parse_money("199 CNY")
PROVIDER = "ime"
_numbers = count(1)


def paid(charge: str = "c1", **what: Any) -> Notice:
    """Somebody has paid, a month's price unless said."""
    return said(Kind.paid, charge, **{"amount": PRICE, **what})


def refunded(minor: int | None = None, charge: str = "c1", **what: Any) -> Notice:
    """So much has been refunded by now; all, if not said."""
    amount = None if minor is None else Amount(minor=minor, currency=PRICE.currency)
    return said(Kind.refunded, charge, **{"amount": amount, **what})


def said(kind: Kind, charge: str | None = "c1", **what: Any) -> Notice:
    """An event of the provider."""
    values: dict[str, Any] = {"event_id": f"evt_{next(_numbers)}", "name": f"test.{kind}", "at": NOON, **what}
    return Notice(kind=kind, charge=charge, **values)


class Till:
    """A shop that hears of its provider."""

    def __init__(self, conn: Connection, bundle: Bundle, at: datetime = NOON) -> None:
        self.conn, self.bundle, self.at = conn, bundle, at
        self.codes: dict[str, str] = {}

    async def order(self, plan: str = "month", currency: str = "CNY", **what: Any) -> Order:
        """Open an order that is not refused."""
        new = NewOrder(plan=plan, currency=currency, source="page", **what)
        opened = await open_order(self.conn, self.bundle.playbook, new, self.at)
        assert isinstance(opened, Opened), opened
        self.codes[opened.order.number] = opened.code
        return opened.order

    async def hear(self, *notices: Notice, provider: str = PROVIDER) -> int:
        """The provider says this, and it is settled; returns how many events were new."""
        events = [StoredEvent(provider, notice, f'{{"id": "{notice.event_id}"}}') for notice in notices]
        new = await store(self.conn, events)
        await drain(self.conn, self.bundle, self.at, bot_id=BOT_ID)
        return len(new)

    def later(self, **by: float) -> "Till":
        """The same, some time later."""
        self.at += timedelta(**by)
        return self

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """What a query finds."""
        return await (await self.conn.execute(query, values)).fetchall()  # type: ignore[arg-type]

    async def payment(self, charge: str = "c1") -> dict[str, Any]:
        """How a payment stands."""
        return await one(await self.conn.execute("SELECT * FROM payments WHERE charge = %s", [charge]))

    async def terms(self, member_id: int) -> list[tuple[str, datetime, datetime | None]]:
        """What the member holds: plan, from, until."""
        rows = await self.rows("SELECT * FROM terms WHERE member_id = %s AND revoked_at IS NULL ORDER BY id", member_id)
        return [(row["plan"], row["starts_at"], row["ends_at"]) for row in rows]

    async def account(self, member_id: int) -> int:
        """Telegram's number of the member."""
        return int((await self.rows("SELECT telegram_id FROM members WHERE id = %s", member_id))[0]["telegram_id"])

    async def said(self, member_id: int) -> list[str]:
        """What waits to be said to the member, in order."""
        rows = await self.rows(
            "SELECT step FROM messages WHERE member_id = %s AND stage = 'payment' AND state = 'waiting' ORDER BY id",
            member_id,
        )
        return [row["step"] for row in rows]

    async def context(self, step: str) -> dict[str, Any]:
        """What the one message of that step is filled in with."""
        rows = await self.rows("SELECT context FROM messages WHERE stage = 'payment' AND step = %s", step)
        assert len(rows) == 1, rows
        found: dict[str, Any] = rows[0]["context"]
        return found

    async def order_state(self, order: Order) -> str:
        """How the order stands."""
        return str((await one(await self.conn.execute("SELECT state FROM orders WHERE id = %s", [order.id])))["state"])

    async def balance(self) -> dict[str, int]:
        """Accounts that are not even, in yuan's smallest unit or whatever it was paid in."""
        return {account: minor for (account, _), minor in (await balances(self.conn)).items() if minor}

    async def booked(self) -> list[str]:
        """What was booked, in order."""
        return [row["what"] for row in await self.rows("SELECT what FROM ledger_transactions ORDER BY id")]

    async def links(self, condition: str = "true") -> list[dict[str, Any]]:
        """Entry links."""
        return await self.rows(f"SELECT * FROM entry_links WHERE {condition} ORDER BY id")

    async def is_true(self) -> None:
        """Access is what the ledger says, and the ledger what the provider said."""
        assert await differences(self.conn) == []
        assert await uneven(self.conn) == []
        unbalanced = await self.rows("SELECT 1 FROM ledger_entries GROUP BY currency HAVING sum(amount_minor) <> 0")
        assert unbalanced == []


async def group(conn: Connection, title: str, chat_id: int) -> int:
    """A group that the bot is in."""
    row = await one(
        await conn.execute(
            "INSERT INTO groups (chat_id, title, registered_at) VALUES (%s, %s, %s) RETURNING id",
            [chat_id, title, NOON],
        )
    )
    return int(row["id"])


async def ready(conn: Connection, group_id: int, number: int) -> None:
    """Links that wait to be given."""
    await conn.execute(
        "INSERT INTO entry_links (group_id, name, invite_link, made_at)"
        " SELECT %(group)s, 'vip-ready-' || %(group)s || '-' || i, 'https://t.me/+' || %(group)s || 'x' || i, %(at)s"
        " FROM generate_series(1, %(number)s) AS i",
        {"group": group_id, "number": number, "at": NOON},
    )


def addresses(context: dict[str, Any]) -> Sequence[str]:
    """The ways in that a receipt shows."""
    return [entry["address"] for entry in context["entries"]]
