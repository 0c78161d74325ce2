"""An experiment in the staff chat: told with its numbers, decided by a button there and nowhere else."""

from typing import Any

import pytest

from community.bundle import Bundle
from community.insight.experiments import Experiment, end, find, look
from community.outbox.bundles import Bundles, publish
from community.outbox.compose import Composer
from tests.integration.conftest import BOT_ID, NOON
from tests.integration.insight.experiment_kit import DAY, KEY, ran, with_experiment
from tests.integration.telegram_kit import BEN, CLUB, STAFF, Desk, desk
from tests.integration.test_approving import pressed

__all__ = ["desk"]


@pytest.fixture
async def proposed(desk: Desk, bundle: Bundle) -> int:
    """b is much better, and staff were asked; the number of the message."""
    await desk.conn.execute("UPDATE installation SET virtual_now_at = %s", [NOON])
    found = with_experiment(bundle)
    await publish(desk.conn, found, "an experiment")
    await ran(desk.conn, "a", 600, 120)
    await ran(desk.conn, "b", 600, 300)
    await look(desk.conn, found, NOON, bot_id=BOT_ID, staff_chat=STAFF)
    return int((await desk.row("SELECT id FROM messages WHERE stage = 'staff'"))["id"])


async def now(desk: Desk) -> Experiment:
    return await find(desk.conn, KEY)


async def heard(desk: Desk, locale: str) -> tuple[str, list[str]]:
    """The newest message in the staff chat, and its buttons."""
    composer = Composer(Bundles(), bot_id=BOT_ID, username="the_bot", links_url=None, link_secret="")
    row = (await desk.rows("SELECT * FROM messages WHERE stage = 'staff' ORDER BY id DESC LIMIT 1"))[0]
    nobody = dict.fromkeys(("first_name", "last_name", "username", "group_title", "zone"))
    shown: Any = await composer.compose(desk.conn, {**row, **nobody, "locale": locale})
    return shown.text, [button.callback_data for line in shown.buttons for button in line]


@pytest.mark.parametrize(("locale", "better"), [("en", "b is better"), ("zh-Hans", "b 更好"), ("zh-Hant", "b 更好")])
async def test_told_with_numbers_and_buttons(desk: Desk, proposed: int, locale: str, better: str) -> None:
    text, buttons = await heard(desk, locale)
    for part in (better, "20.0", "50.0", "600", "welcome_drip/day_1", "sop experiment show slot"):
        assert part in text, part
    assert buttons == [f"ab:slot_apply:{proposed}", f"ab:slot_end:{proposed}"]


async def test_the_button_applies_and_proves_who_did(desk: Desk, proposed: int) -> None:
    await desk.take(pressed(f"ab:slot_apply:{proposed}"))
    who = (await desk.member())["id"]
    found = await now(desk)
    assert (found.state, found.winner, found.decided_by, found.decided_at) == ("applied", "b", f"member {who}", NOON)
    assert "所有人都收到 b" in desk.toast()
    await desk.take(pressed(f"ab:slot_end:{proposed}", who=BEN))
    assert (await now(desk)).state == "applied"
    assert f"已由 会员 #{who} 采用" in desk.toast()


async def test_or_ends_it(desk: Desk, proposed: int) -> None:
    await desk.take(pressed(f"ab:slot_end:{proposed}"))
    found = await now(desk)
    assert (found.state, found.winner) == ("ended", None)
    assert "所有人都收到 a" in desk.toast()


async def test_only_in_the_staff_chat(desk: Desk, proposed: int) -> None:
    elsewhere = {"id": CLUB, "type": "supergroup", "title": "Club"}
    await desk.take(pressed(f"ab:slot_apply:{proposed}", chat=elsewhere))
    assert (await now(desk)).state == "proposed"
    assert "只能在工作群里" in desk.toast()


@pytest.mark.parametrize("argument", ["slot_send", "else_apply", "slot", "_apply", "slot_apply_apply", "a" * 40])
async def test_what_is_no_word_decides_nothing(desk: Desk, proposed: int, argument: str) -> None:
    await desk.take(pressed(f"ab:{argument}:{proposed}"))
    assert (await now(desk)).state == "proposed"
    assert "没有这个实验" in desk.toast()


@pytest.mark.parametrize("message", [1, 2**40])
async def test_a_winner_that_was_not_shown_is_not_applied(desk: Desk, proposed: int, message: int) -> None:
    """Pressed under another message, or one made up by a modified client."""
    await desk.take(pressed(f"ab:slot_apply:{proposed + message}"))
    assert (await now(desk)).state == "proposed"
    assert "数据已经变了" in desk.toast()


async def test_an_old_message_does_not_apply_a_newer_winner(desk: Desk, proposed: int) -> None:
    await desk.conn.execute("UPDATE experiments SET winner = 'a'")
    await desk.take(pressed(f"ab:slot_apply:{proposed}"))
    assert (await now(desk)).state == "proposed"
    assert "数据已经变了" in desk.toast()


async def test_who_comes_after_the_command_is_told(desk: Desk, proposed: int) -> None:
    await end(desk.conn, KEY, NOON + DAY, by="li")
    await desk.take(pressed(f"ab:slot_apply:{proposed}"))
    assert (await now(desk)).state == "ended"
    assert "已由 li 结束" in desk.toast()
