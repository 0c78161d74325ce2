"""Orders in the chat: how one stands, its ways in again, and whose it is."""

import re
import unicodedata
from datetime import timedelta

from community.bot.buying import order_shown, send_invoice, show_plan
from community.bot.holdings import tongue
from community.bot.intents import Intent, about
from community.bot.moving import ask_staff
from community.bot.turn import Turn
from community.database.queries import load
from community.members.models import Member
from community.members.profile import answered, expect, expected
from community.payments.claims import Claim, claim, join_payers
from community.payments.models import Order
from community.payments.numbers import ALPHABET, CODE_LENGTH, read_claim, read_number, shown
from community.payments.orders import find, orders_of
from community.payments.providers.stars import CURRENCY
from community.payments.selling import adopt

queries = load(__file__, "orders.sql")

EXPECTED = "order_claim:"
"""The question a member is expected to answer: this and the order's number."""
WITHIN = timedelta(days=1)
"""How long a typed code counts for the order asked about."""
MOST = 8
START = re.compile(r"buy-([A-Z0-9]{8})|plan_([a-z][a-z0-9_]{0,31})", re.ASCII)
"""Start payloads: an order from the page to be paid in Stars; a plan."""
_CODE = re.compile(f"[{ALPHABET}]{{{CODE_LENGTH}}}")


async def list_orders(turn: Turn, member: Member) -> None:
    """The member's newest orders."""
    reply_with(turn, member, await orders_of(turn.conn, member.id, MOST), "order", (await tongue(turn, member)).locale)


def reply_with(turn: Turn, member: Member, orders: list[Order], what: str, locale: str) -> None:
    """A list of orders to choose from; `what` is to be done with one: order, invoice, refund."""
    turn.reply(member, "bot/orders", orders=[order_shown(turn, order, locale) for order in orders], what=what)


async def on_order(turn: Turn, member: Member, text: str) -> bool:
    """A typed message that asks for an order: by its number alone, after 订单 or order, or with its code."""
    said = about(text, Intent.order)
    number, code = read_order(said or text)
    if number is None:
        if said is None:
            return False
        turn.reply(member, "bot/order_claim", order=None, result="unknown")
        return True
    order = await find(turn.conn, number)
    if order is None and said is None:
        return False
    if order is None:
        turn.reply(member, "bot/order_claim", order=shown(number), result="unknown")
    elif code:
        await _claim(turn, member, number, code)
    else:
        await show_order(turn, member, order)
    return True


def read_order(text: str) -> tuple[str | None, str | None]:
    """The order's number that a text is, and the code behind it, if there is one."""
    if whole := read_number(text):
        return whole, None
    number, _, code = text.strip().rpartition(" ")
    folded = read_code(code)
    return (read_number(number), folded) if folded else (None, None)


def read_code(text: str) -> str | None:
    """The code of an order that the whole text is."""
    folded = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    return folded if _CODE.fullmatch(folded) else None


async def on_order_button(turn: Turn, member: Member, argument: str) -> bool:
    """A button `order:<number>`; False: there is no such order."""
    order = await find(turn.conn, argument)
    if order is None:
        return False
    await show_order(turn, member, order)
    return True


async def show_order(turn: Turn, member: Member, order: Order) -> None:
    """How the member's order stands. Of any other, whoever's, the code is asked for, and nothing is told."""
    if order.member_id != member.id:
        await expect(turn.conn, member.id, f"{EXPECTED}{order.number}", turn.at)
        turn.reply(member, "bot/order_claim", order=shown(order.number), result="ask")
        return
    about_it = order_shown(turn, order, (await tongue(turn, member)).locale)
    values = {"order_id": order.id, "member_id": member.id, "at": turn.at}
    ends = await (await turn.conn.execute(queries.ends, values)).fetchone()
    entries = await (await turn.conn.execute(queries.entries, values)).fetchall()
    open_, paid = about_it["state"] == "open", order.state == "paid"
    turn.reply(
        member,
        "bot/order",
        plan=order.plan,
        order=about_it,
        ends=ends["ends_at"].isoformat() if ends and ends["ends_at"] else None,
        unpaid=[{"number": about_it["number"]}] if open_ else [],
        stars=[about_it["amount"]] if open_ and order.currency == CURRENCY else [],
        paid=[about_it["number"]] if paid else [],
        entries=[dict(row) for row in entries] if paid else [],
        **({"coupon": order.coupon_code} if order.coupon_code and open_ else {}),
    )


async def on_buy_start(turn: Turn, member: Member, payload: str) -> bool:
    """Start was pressed by a link of the page, or of a message; False: it is another payload."""
    asked = START.fullmatch(payload)
    if asked is None:
        return False
    if asked[2]:
        return await show_plan(turn, member, asked[2])
    order = await find(turn.conn, asked[1])
    if order is None:
        return False
    order = await adopt(turn.conn, order, member.id)
    if order.member_id != member.id or not await send_invoice(turn, order):
        await show_order(turn, member, order)
    return True


async def on_typed_claim(turn: Turn, member: Member, text: str) -> bool:
    """A typed code, if the member was asked for one; False: it is something else."""
    question = await expected(turn.conn, member.id, turn.at - WITHIN) or ""
    code = read_code(text)
    if code is None or not question.startswith(EXPECTED):
        return False
    await _claim(turn, member, question.removeprefix(EXPECTED), code)
    turn.note("answer", member, None, question="order_claim", length=len(text))
    return True


async def on_claim_start(turn: Turn, member: Member, payload: str) -> bool:
    """Start was pressed by the link on the page that thanks who paid; False: it is another payload."""
    claimed = read_claim(payload)
    if claimed is None:
        return False
    await _claim(turn, member, *claimed)
    return True


async def _claim(turn: Turn, member: Member, number: str, code: str) -> None:
    """Core says whose it is; what was paid is told by its receipt."""
    result = await claim(turn.conn, turn.bundle, member, number, code, turn.at, bot_id=turn.bot_id)
    order = await find(turn.conn, number)
    if result is Claim.contested and order:
        await ask_staff(turn, member, order)
        result = Claim.refused
    if result is not Claim.refused:
        await answered(turn.conn, member.id, f"{EXPECTED}{number}")
    if result is Claim.given and order:
        await join_payers(turn.conn, order, member, turn.secret)
    if result is Claim.theirs and order:
        await show_order(turn, member, order)
    elif result is not Claim.given:
        turn.reply(member, "bot/order_claim", order=shown(number), result=str(result))
    turn.paid = True
