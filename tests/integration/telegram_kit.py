"""Updates as Telegram sends them, and a desk that handles them: store, drain, look at what was said."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from telegram import ChatMember
from telegram.error import BadRequest, NetworkError

from community.bot.checkouts import Checkouts
from community.bot.direct import DOOR_NAME, Direct
from community.bot.inbox import store
from community.bot.workers import Workers
from community.bundle import Bundle
from community.channels.transport import NotConnected
from community.database.pool import Connection, Pool
from community.database.wakeup import Wakeup
from community.insight.entrance import Entrance
from community.outbox.bundles import Bundles

BOT_ID = 4203
STAFF = -4000
SECRET = "s"
ENTRANCE = Entrance("https://sop.test", "secret-of-the-dashboard")
NOW = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)
CLUB = {"id": -1001, "type": "supergroup", "title": "Club"}
BOT = {"id": BOT_ID, "is_bot": True, "first_name": "Bot", "username": "the_bot"}
ANN, BEN = 17, 18

_numbers = count(1_700_000_000_000)
Update = dict[str, Any]


def user(number: int = ANN, **names: Any) -> dict[str, Any]:
    return {"id": number, "is_bot": False, "first_name": f"User {number}", **names}


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def update(**content: Any) -> Update:
    return {"update_id": next(_numbers), **content}


def private(text: str | None, who: int | dict[str, Any] = ANN, at: datetime = NOW, **more: Any) -> Update:
    sender = who if isinstance(who, dict) else user(who)
    chat = {"id": sender["id"], "type": "private", "first_name": sender["first_name"]}
    words = {} if text is None else {"text": text}
    return update(message={"message_id": 1, "date": seconds(at), "chat": chat, "from": sender, **words, **more})


def group_message(text: str | None, who: int | dict[str, Any] = ANN, at: datetime = NOW, **more: Any) -> Update:
    sender = who if isinstance(who, dict) else user(who)
    words = {} if text is None else {"text": text}
    return update(message={"message_id": 2, "date": seconds(at), "chat": CLUB, "from": sender, **words, **more})


def join_request(
    who: int | dict[str, Any] = ANN, at: datetime = NOW, link: str | None = None, chat: dict[str, Any] = CLUB
) -> Update:
    sender = who if isinstance(who, dict) else user(who)
    request = {"chat": chat, "from": sender, "user_chat_id": sender["id"], "date": seconds(at)}
    return update(chat_join_request=request | ({"invite_link": invite(link)} if link else {}))


def invite(name: str) -> dict[str, Any]:
    return {
        "invite_link": "https://t.me/+abc",
        "creator": BOT,
        "creates_join_request": True,
        "is_primary": False,
        "is_revoked": False,
        "name": name,
    }


def chat_member(
    who: int | dict[str, Any] = ANN, *, was: str = "left", now: str = "member", at: datetime = NOW, **more: Any
) -> Update:
    person = who if isinstance(who, dict) else user(who)
    change = {"chat": CLUB, "from": person, "date": seconds(at)}
    return update(
        chat_member=change | {"old_chat_member": status(person, was), "new_chat_member": status(person, now)} | more
    )


def my_chat_member(was: str, now: str, chat: dict[str, Any] = CLUB, who: int = ANN, at: datetime = NOW) -> Update:
    change = {"chat": chat, "from": user(who), "date": seconds(at)}
    return update(my_chat_member=change | {"old_chat_member": status(BOT, was), "new_chat_member": status(BOT, now)})


def status(person: dict[str, Any], name: str) -> dict[str, Any]:
    rights = (
        "can_be_edited is_anonymous can_manage_chat can_delete_messages can_manage_video_chats can_restrict_members"
        " can_promote_members can_change_info can_invite_users can_post_stories can_edit_stories can_delete_stories"
    )
    more: dict[str, Any] = {"until_date": 0} if name == "kicked" else {}
    if name == "administrator":
        more = dict.fromkeys(rights.split(), True)
    return {"user": person, "status": name, **more}


def press(data: str | None, who: int | dict[str, Any] = ANN) -> Update:
    sender = who if isinstance(who, dict) else user(who)
    query = {"id": f"q{next(_numbers)}", "from": sender, "chat_instance": "1"}
    return update(callback_query=query | ({"data": data} if data is not None else {}))


def checkout(order: str = "A7K293QX", who: int | dict[str, Any] = ANN, stars: int = 1500, **more: Any) -> Update:
    """Telegram's question before it takes Stars."""
    sender = who if isinstance(who, dict) else user(who)
    query = {"id": f"{next(_numbers)}", "from": sender, "currency": "XTR", "total_amount": stars}
    return update(pre_checkout_query=query | {"invoice_payload": order, **more})


def paid(
    order: str = "A7K293QX", who: int = ANN, stars: int = 1500, *, field: str = "successful_payment",
    charge: str = "stars-1", at: datetime = NOW, **more: Any,
) -> Update:  # fmt: skip
    """Stars were paid, or paid back."""
    payment = {"currency": "XTR", "total_amount": stars, "invoice_payload": order, "telegram_payment_charge_id": charge}
    return private(None, who, at, **{field: payment | {"provider_payment_charge_id": "p", **more}})


def reaction(emoji: list[str], who: int = ANN, before: list[str] | None = None) -> Update:
    kinds = {"new_reaction": emoji, "old_reaction": before or []}
    reactions = {name: [{"type": "emoji", "emoji": e} for e in given] for name, given in kinds.items()}
    return update(
        message_reaction={"chat": CLUB, "message_id": 5, "user": user(who), "date": seconds(NOW), **reactions}
    )


@dataclass
class Calls:
    """Stands in for telegram.Bot where no network is wanted: keeps the direct calls."""

    toasts: list[tuple[str, str | None]] = field(default_factory=list)
    administrators: set[int] = field(default_factory=set)
    """Of every group; the bot, if among them, has all rights but those it is `lacking`."""
    lacking: set[str] = field(default_factory=set)
    asked: list[tuple[int, int]] = field(default_factory=list)
    """Chat and user of each getChatMember."""
    away: bool = False
    checkouts: list[tuple[str, bool, str | None]] = field(default_factory=list)
    """Answered questions before payments."""

    links: list[str] = field(default_factory=list)
    """Names of entry links that were made."""
    revoked: list[str] = field(default_factory=list)
    barred: set[int] = field(default_factory=set)
    """Chats where the bot may not invite."""

    async def refund_star_payment(self, payer: int, charge: str) -> bool:
        return True

    async def revoke_chat_invite_link(self, chat_id: int, invite_link: str) -> None:
        if chat_id in self.barred:
            raise BadRequest("Not enough rights")
        self.revoked.append(invite_link)

    async def answer_pre_checkout_query(self, query_id: str, ok: bool, error_message: str | None = None) -> bool:
        if self.away:
            raise NotConnected("away")
        self.checkouts.append((query_id, ok, error_message))
        return True

    async def answer_callback_query(self, callback_id: str, text: str | None = None) -> bool:
        self.toasts.append((callback_id, text))
        return True

    async def get_chat_member(self, chat_id: int, user_id: int) -> ChatMember:
        self.asked.append((chat_id, user_id))
        if self.away:
            raise NetworkError("away")
        person = BOT if user_id == BOT_ID else user(user_id)
        standing = "administrator" if user_id in self.administrators else "member"
        lacking = dict.fromkeys(self.lacking, False) if user_id == BOT_ID else {}
        return ChatMember.de_json(status(person, standing) | lacking, None)

    async def create_chat_invite_link(self, chat_id: int, **options: Any) -> Any:
        if chat_id in self.barred:
            raise BadRequest("Not enough rights")
        self.links.append(options["name"])
        door = options["name"] == DOOR_NAME
        address = f"door{-chat_id}" if door else options["name"]
        return type("Link", (), {"invite_link": f"https://t.me/+{address}"})


@dataclass
class Desk:
    """Hands updates in and shows what came of them."""

    pool: Pool
    conn: Connection
    workers: Workers
    calls: Calls
    checkouts: Checkouts

    async def take(self, *updates: Update) -> None:
        """Store the updates as one batch and handle all that waits."""
        await store(self.conn, BOT_ID, list(updates))
        await self.workers.drain()

    def toast(self) -> str | None:
        """What the newest press was answered with; answers are given beside each other, in no order."""
        return max(self.calls.toasts, key=lambda toast: toast[0])[1]

    async def said(self, chat_id: int = ANN) -> list[str]:
        """`stage/step` of everything enqueued for the chat, in order."""
        rows = await self.rows("SELECT stage, step FROM messages WHERE chat_id = %s ORDER BY id", chat_id)
        return [f"{row['stage']}/{row['step']}" for row in rows]

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        return await (await self.conn.execute(query, values)).fetchall()

    async def row(self, query: str, *values: Any) -> dict[str, Any]:
        rows = await self.rows(query, *values)
        assert len(rows) == 1, rows
        return rows[0]

    async def member(self, telegram_id: int = ANN) -> dict[str, Any]:
        return await self.row("SELECT * FROM members WHERE telegram_id = %s", telegram_id)

    async def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Recorded events, of these kinds if given, in order."""
        rows = await self.rows("SELECT * FROM events ORDER BY id")
        return [row for row in rows if not kinds or row["kind"] in kinds]

    async def states(self) -> list[str]:
        """States of the stored updates, in order."""
        return [row["state"] for row in await self.rows("SELECT state FROM updates ORDER BY update_id")]

    async def pass_gate(self, who: int = ANN, at: datetime = NOW) -> None:
        """From the join request through both questions."""
        await self.take(join_request(who, at), private("no", who, at), private("7", who, at + timedelta(seconds=5)))


@pytest.fixture
async def desk(pool: Pool, conn: Connection, bundle: Bundle, database_url: str) -> Desk:
    """Workers on the test's database, with the shipped playbook in force and a staff chat."""
    calls = Calls()
    wakeup = Wakeup(database_url)
    direct = Direct(pool, calls, BOT_ID)  # type: ignore[arg-type]  # the two calls it makes
    workers = Workers(
        pool, Bundles(), wakeup, direct, bot_id=BOT_ID, staff_chat=STAFF, secret=SECRET, entrance=ENTRANCE
    )
    return Desk(pool, conn, workers, calls, Checkouts(pool, Bundles(), wakeup, direct, BOT_ID))
