"""Direct calls: what is no message is paid from the same budget as messages."""

import asyncio
import time

import pytest

from community.bot import direct as module
from community.bot.direct import Direct
from community.bot.turn import Toast
from community.groups.registry import register
from community.outbox.claim import ensure_budget
from tests.integration.telegram_kit import ANN, BOT_ID, NOW, Desk, desk

__all__ = ["desk"]
AHEAD_S = 0.3
GROUP = -1001


async def test_every_direct_call_waits_for_its_slot(desk: Desk) -> None:
    await ensure_budget(desk.conn, BOT_ID, 100)
    await register(desk.conn, GROUP, "Club", NOW)
    direct = Direct(desk.pool, desk.calls, BOT_ID)  # type: ignore[arg-type]  # the calls it makes
    for call in (
        lambda: direct.toast(Toast("pressed")),
        lambda: direct.administers(GROUP, ANN),
        lambda: direct.missing_rights(GROUP, BOT_ID, opened=False),
        direct.open_doors,
        lambda: direct.answer_checkout("asked", None),
        lambda: direct.refund_stars(ANN, "charge"),
        lambda: direct.make_entry_link(GROUP, "vip-1"),
        lambda: direct.close_entry_link(GROUP, "https://t.me/+x"),
    ):
        await desk.conn.execute(
            "UPDATE budgets SET next_wall = clock_timestamp() + make_interval(secs => %s)", [AHEAD_S]
        )
        began = time.monotonic()
        await call()
        assert time.monotonic() - began >= AHEAD_S - 0.02
    assert desk.calls.toasts == [("pressed", None)]
    assert desk.calls.checkouts == [("asked", True, None)]
    assert desk.calls.asked == [(GROUP, ANN), (GROUP, BOT_ID)]


async def test_an_answer_for_which_a_member_waits_is_tried_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BETWEEN_S", 0.01)
    direct, desk.calls.away = Direct(desk.pool, desk.calls, BOT_ID), True  # type: ignore[arg-type]
    trying = asyncio.create_task(direct.answer_checkout("asked", "no"))
    await asyncio.sleep(0.005)
    desk.calls.away = False
    await trying
    assert desk.calls.checkouts == [("asked", False, "no")]
    desk.calls.away = True
    await direct.answer_checkout("again", None)
    assert len(desk.calls.checkouts) == 1, "in the end it is left: Telegram gives up by then too"
