"""The shop over HTTP, as a member lives it: plans, Telegram's invoice, the receipt, the order, and the Stars back."""

from datetime import UTC, datetime
from typing import Any

from community.database.wakeup import PAYMENTS
from community.payments.refunds import decide
from tests.integration.test_bot_live import ANN, Live, live, telegram
from tests.integration.test_stars_live import invoice, quick, said, shipped, till, vip

__all__ = ["live", "quick", "shipped", "telegram", "till", "vip"]


async def newest(till: Live, step: str) -> dict[str, Any]:
    """The newest message of that step that Ann was sent, as Telegram has it."""

    async def sent() -> dict[str, Any] | None:
        query = (
            "SELECT telegram_message_id AS id FROM messages WHERE chat_id = %s AND step = %s AND state = 'sent'"
            " ORDER BY id DESC LIMIT 1"
        )
        row = await (await till.conn.execute(query, [ANN, step])).fetchone()
        found = await till.telegram.history(user=ANN)
        return next((each for each in found if row and each["message_id"] == row["id"]), None)

    message: dict[str, Any] = await till.until(sent)
    return message


def buttons(message: dict[str, Any]) -> list[dict[str, str]]:
    return [button for row in message["markup"]["inline_keyboard"] for button in row]


async def press(till: Live, message: dict[str, Any], action: str) -> None:
    [data] = [b["callback_data"] for b in buttons(message) if b.get("callback_data", "").startswith(f"{action}:")]
    await till.telegram.press(ANN, data=data)


async def test_from_the_wish_to_buy_to_the_receipt_and_the_stars_back(till: Live, vip: int) -> None:
    await till.conn.execute("UPDATE members SET locale = 'en'")
    await till.telegram.say(ANN, None, "购买")
    await press(till, await newest(till, "plans"), "buy:month")
    plan = await newest(till, "plan")
    [page] = [button["url"] for button in buttons(plan) if "url" in button]
    assert page.startswith(f"{till.settings.links_url}/buy/month?m="), "it names its member"
    await press(till, plan, "pay")
    message = await invoice(till)
    paid = await till.telegram.wait_paid(await till.telegram.pay(ANN, message=message["message_id"]))
    assert paid["state"] == "paid", paid
    receipt = await said(till, "receipt")

    await till.telegram.say(ANN, None, f"订单 {receipt['context']['order']}")
    order = await newest(till, "order")
    assert "Paid. It runs until" in order["text"]
    [entry] = receipt["context"]["entries"]
    assert entry["address"] in [button.get("url") for button in buttons(order)]

    await press(till, order, "refund")
    await newest(till, "refund_asked")
    assert await decide(till.conn, 1, datetime.now(UTC), approve=True, by="member 1")
    till.wakeup.ring(PAYMENTS)
    await said(till, "refunded")
    row = await (await till.conn.execute("SELECT state FROM orders")).fetchone()
    assert row == {"state": "refunded"}
