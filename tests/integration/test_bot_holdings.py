"""What members ask the bot about: their coupons, a code typed, pressed or followed, their terms."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from community.access.grant import grant
from community.access.terms import cancel, revoke
from community.access.ways import send_owed
from community.bundle import Bundle
from community.database.installation import set_virtual_now
from community.engagement.coupons import NewCoupon, issue, withdraw
from community.engagement.redemptions import Refusal
from community.outbox.bundles import Bundles, publish
from community.outbox.compose import Composer
from community.payments.entry import made
from community.playbook_types import parse_money
from tests.integration.conftest import BOT_ID
from tests.integration.pay_kit import ready
from tests.integration.rows import Edit
from tests.integration.telegram_kit import ANN, BEN, NOW, Desk, chat_member, desk, group_message, press, private

__all__ = ["desk"]

DAY = timedelta(days=1)
UNKNOWN = "RENEW-0123456789AB"


async def shown(desk: Desk, locale: str | None = None, chat_id: int = ANN) -> str:
    """The newest message to the chat, as it would be sent now."""
    row = (
        await desk.rows(
            "SELECT m.*, v.first_name, v.last_name, v.username, v.zone, v.locale, v.group_title FROM messages m"
            " JOIN v_members v ON v.id = m.member_id WHERE m.chat_id = %s ORDER BY m.id",
            chat_id,
        )
    )[-1]
    composer = Composer(Bundles(), bot_id=BOT_ID, username="the_bot", links_url=None, link_secret="s")
    sent = await composer.render(
        desk.conn, await Bundles().get(desk.conn, row["bundle"]), {**row, "locale": locale or row["locale"]}
    )
    return str(sent.text)


async def last(desk: Desk, chat_id: int = ANN) -> tuple[str, dict[str, Any]]:
    row = (await desk.rows("SELECT template, context FROM messages WHERE chat_id = %s ORDER BY id", chat_id))[-1]
    return row["template"], row["context"]


async def ann(desk: Desk) -> int:
    """The number of a member who reads English."""
    await desk.take(private("/start"))
    await desk.conn.execute("UPDATE members SET locale = 'en'")
    await set_virtual_now(desk.conn, NOW)  # a pressed button has no date of its own
    return int((await desk.member())["id"])


async def coupon(desk: Desk, bundle: Bundle, code: str = "SAVE", **what: Any) -> None:
    gift = {"percent", "amount", "price", "opens"} & what.keys()
    new = NewCoupon(code=code, offer="test", **what, **({} if gift else {"percent": 10}))
    await issue(desk.conn, bundle.playbook, new, NOW - DAY)


# The answer to the problem question brings a trial.


async def test_the_answer_to_the_problem_brings_a_trial_of_their_own_once(desk: Desk) -> None:
    who = await ann(desk)
    await desk.take(press("problem:price:1"))
    issued = await desk.row("SELECT * FROM coupons")
    assert (issued["offer"], issued["opens"], issued["member_id"]) == ("trial", "trial_7", who)
    assert (issued["valid_from_at"], issued["valid_until_at"]) == (NOW, NOW + 7 * DAY)
    for locale in ("en", "zh-Hans", "zh-Hant"):
        assert issued["code"] in await shown(desk, locale)

    await desk.take(press("problem:logistics:1"))
    assert (await last(desk))[1]["coupon"] == issued["code"], "still theirs"
    await desk.take(private(issued["code"]))
    assert (await last(desk))[0] == "bot/opened"
    assert (await desk.row("SELECT plan FROM terms"))["plan"] == "trial_7"
    await desk.conn.execute("UPDATE terms SET starts_at = starts_at - interval '9 days', ends_at = %s", [NOW - DAY])
    await desk.take(press("problem:sourcing:1"))
    assert (await last(desk))[1]["coupon"] is None, "used"
    assert "TRIAL" not in await shown(desk)


async def test_who_holds_something_is_given_no_trial(desk: Desk, bundle: Bundle) -> None:
    who = await ann(desk)
    await grant(desk.conn, bundle.playbook, who, "month", NOW - DAY, source="staff", by="ann")
    await desk.take(press("problem:price:1"))
    assert (await last(desk))[1]["coupon"] is None
    assert await desk.rows("SELECT * FROM coupons") == []


async def test_where_nothing_is_offered_the_answer_brings_nothing(desk: Desk, bundle: Bundle) -> None:
    asked = {key: value for key, value in bundle.source["problem"].items() if key != "offer"}
    await publish(desk.conn, Bundle({**bundle.source, "problem": asked}, bundle.copy), "nothing")
    await ann(desk)
    await desk.take(press("problem:price:1"))
    assert (await last(desk))[1]["coupon"] is None


# Lists.


@pytest.mark.parametrize("wish", ["领券", "優惠券", "coupon", "/coupon", "My coupons"])
async def test_the_members_own_coupons_are_listed(desk: Desk, bundle: Bundle, wish: str) -> None:
    who = await ann(desk)
    await coupon(desk, bundle, "OURS")
    await coupon(desk, bundle, "MINE-LATER", member_id=who, valid_until=NOW + 2 * DAY)
    await coupon(desk, bundle, "MINE-SOON", member_id=who, opens="vip_pass", valid_until=NOW + DAY, first_n=1)
    await coupon(desk, bundle, "MINE-OVER", member_id=who, valid_until=NOW)
    await desk.take(private(wish))
    assert (await last(desk))[0] == "bot/coupons"
    text = await shown(desk)
    assert text.index("MINE-SOON") < text.index("MINE-LATER")
    assert "24-hour VIP pass, free, until 5 Mar, 12:00" in text
    assert "https://t.me/the_bot?start=coupon_MINE-SOON" in text
    assert "OURS" not in text
    assert "OVER" not in text


async def test_who_has_no_coupon_is_told_so(desk: Desk) -> None:
    await ann(desk)
    await desk.take(press("coupon:1"))
    assert "no coupon of your own" in await shown(desk)


# A code.


@pytest.mark.parametrize(
    "text", ["SAVE", "save", " ｓａｖｅ ", "领券 save", "coupon: SAVE", "/coupon save", "/coupon@the_bot SAVE"]
)
async def test_a_typed_code_is_told_what_it_gives(desk: Desk, bundle: Bundle, text: str) -> None:
    await ann(desk)
    await coupon(
        desk, bundle, plans=("month", "year"), minimum=parse_money("100 CNY"), first_n=50, valid_until=NOW + 2 * DAY
    )
    await desk.take(private(text))
    told = await shown(desk)
    for part in ("SAVE", "10 % off", "Monthly membership, Yearly membership", "100.00 CNY", "50 left", "6 Mar, 12:00"):
        assert part in told
    assert "月度会员、年度会员" not in told
    assert await desk.rows("SELECT 1 FROM redemptions") == [], "it is used when it is paid with"
    assert [event["kind"] for event in await desk.events()] == ["start", "private"]


@pytest.mark.parametrize("data", ["coupon:SAVE:1", "coupon:save:1"])
async def test_a_pressed_code(desk: Desk, bundle: Bundle, data: str) -> None:
    await ann(desk)
    await coupon(desk, bundle, amount=parse_money("20 CNY"))
    await desk.take(press(data))
    assert "20.00 CNY off" in await shown(desk)


async def test_titles_are_in_the_members_language(desk: Desk, bundle: Bundle) -> None:
    await ann(desk)
    await coupon(desk, bundle, plans=("month",))
    await desk.take(private("en"), private("save"))
    assert (await last(desk))[1]["plans"] == ["Monthly membership"]
    await desk.take(private("中文"), private("save"))
    assert (await last(desk))[1]["plans"] == ["月度会员"]


@pytest.mark.parametrize("text", ["hello", "SAVEIT", "1234", "what is a coupon", "🎟", "' OR 1=1 --"])
async def test_what_is_no_code_is_not_taken_for_one(desk: Desk, bundle: Bundle, text: str) -> None:
    await ann(desk)
    await coupon(desk, bundle)
    await desk.take(private(text))
    assert (await last(desk))[0] == "bot/help"


@pytest.mark.parametrize(
    ("text", "what", "reason"),
    [
        (UNKNOWN, None, Refusal.unknown),
        ("领券 NOPE", None, Refusal.unknown),
        ("save", {"valid_from": NOW + DAY}, Refusal.not_yet),
        ("save", {"valid_until": NOW}, Refusal.over),
        ("save", {"member_id": "ben"}, Refusal.someone_elses),
        ("save", {"withdrawn": True}, Refusal.withdrawn),
        ("save", {"opens": "trial_7", "first_n": 1, "gone": True}, Refusal.sold_out),
    ],
)
async def test_a_code_that_does_not_work_is_told_why(
    desk: Desk, bundle: Bundle, text: str, what: dict[str, Any] | None, reason: Refusal
) -> None:
    await ann(desk)
    await desk.take(private("/start", BEN))
    if what is not None:
        ben = (await desk.member(BEN))["id"]
        given = {k: ben if v == "ben" else v for k, v in what.items() if k not in ("withdrawn", "gone")}
        await coupon(desk, bundle, **given)
        if "withdrawn" in what:
            await withdraw(desk.conn, "SAVE", NOW)
        if "gone" in what:
            await desk.take(private("save", BEN))
    await desk.take(private(text))
    template, context = await last(desk)
    assert (template, context["reason"]) == ("bot/coupon_refused", reason)
    times = {Refusal.not_yet: "from 5 Mar, 12:00 on", Refusal.over: "good until 4 Mar, 12:00"}
    assert times.get(reason, "") in await shown(desk)


@pytest.mark.parametrize("locale", ["zh-Hans", "zh-Hant", "en"])
async def test_every_refusal_has_words_of_its_own(desk: Desk, locale: str) -> None:
    await ann(desk)
    said = set()
    for number, reason in enumerate(Refusal):
        await desk.take(private(UNKNOWN))
        await desk.conn.execute(
            "UPDATE messages SET context = context || jsonb_build_object('reason', %s::text)"
            " WHERE id = (SELECT max(id) FROM messages)",
            [reason],
        )
        said.add(await shown(desk, locale))
        assert len(said) == number + 1, reason


# A code that opens a plan.


async def test_a_code_that_opens_a_plan_opens_it_at_once_and_once(desk: Desk, bundle: Bundle) -> None:
    who = await ann(desk)
    await coupon(desk, bundle, "VIP-0123456789AB", opens="vip_pass", member_id=who)
    await desk.take(press("coupon:VIP-0123456789AB:1"))
    term = await desk.row("SELECT * FROM terms")
    assert (term["member_id"], term["plan"], term["source"], term["granted_by"]) == (
        who, "vip_pass", "coupon", "VIP-0123456789AB",
    )  # fmt: skip
    assert (term["starts_at"], term["ends_at"]) == (NOW, NOW + DAY)
    assert await shown(desk) == "<b>24-hour VIP pass</b> is open for you until 5 Mar, 12:00."
    await desk.take(private("vip-0123456789ab"))
    assert (await last(desk))[1]["reason"] == "used"
    assert len(await desk.rows("SELECT 1 FROM terms")) == 1


async def test_what_follows_is_told_from_when_on(desk: Desk, bundle: Bundle) -> None:
    who = await ann(desk)
    await grant(desk.conn, bundle.playbook, who, "vip_pass", NOW, source="staff", by="x")
    await coupon(desk, bundle, opens="vip_pass")
    await desk.take(private("save"))
    assert "from 5 Mar, 12:00 until 6 Mar, 12:00" in await shown(desk)


async def test_who_is_covered_for_life_keeps_the_coupon(desk: Desk, bundle: Bundle) -> None:
    who = await ann(desk)
    term = await grant(desk.conn, bundle.playbook, who, "month", NOW, source="staff", by="x")
    await desk.conn.execute("UPDATE terms SET ends_at = NULL WHERE id = %s", [term.id])
    await coupon(desk, bundle, opens="trial_7")
    await desk.take(private("save"))
    assert "Monthly membership: for life" in await shown(desk)
    assert await desk.rows("SELECT 1 FROM redemptions") == []


async def test_a_plan_that_is_gone_is_opened_no_more(desk: Desk, bundle: Bundle, edited: Edit) -> None:
    await ann(desk)
    await coupon(desk, bundle, opens="vip_pass")
    plans = {key: plan for key, plan in bundle.source["plans"].items() if key != "vip_pass"}
    await publish(desk.conn, edited(plans=plans), "gone")
    desk.workers._bundles._in_force = None
    await desk.take(private("save"))
    assert (await last(desk))[1]["reason"] == "withdrawn"


async def with_group(desk: Desk, bundle: Bundle, edited: Edit, chat: str = "Club") -> int:
    """A member in private, a group, and a coupon that opens what opens a group; the group's number."""
    await desk.take(group_message("hello", BEN))
    await desk.conn.execute("UPDATE groups SET invite_link = 'https://t.me/+door'")
    await ann(desk)
    plans = {**bundle.source["plans"], "vip_pass": {**bundle.source["plans"]["vip_pass"], "chats": [chat]}}
    await publish(desk.conn, edited(plans=plans), "with a group")
    desk.workers._bundles._in_force = None
    await coupon(desk, bundle, opens="vip_pass")
    return int((await desk.row("SELECT id FROM groups"))["id"])


@pytest.mark.parametrize(("named", "led"), [("Club", True), ("1", True), ("Elsewhere", False)])
async def test_a_coupon_that_opens_a_group_brings_their_own_way_in_at_once(
    desk: Desk, bundle: Bundle, edited: Edit, named: str, led: bool
) -> None:
    await ready(desk.conn, await with_group(desk, bundle, edited, named), 1)
    await desk.take(private("save"))
    entries = [{"title": "Club", "address": "https://t.me/+1x1"}] if led else []
    assert (await last(desk))[1]["entries"] == entries
    given = await desk.rows("SELECT member_id, term_id FROM entry_links WHERE given_at IS NOT NULL")
    term = await desk.row("SELECT member_id, id FROM terms")
    assert [(link["member_id"], link["term_id"]) for link in given] == ([(term["member_id"], term["id"])] * led)
    assert ("yours alone" in await shown(desk)) is led


async def test_a_way_in_that_is_not_ready_follows_once(desk: Desk, bundle: Bundle, edited: Edit) -> None:
    await with_group(desk, bundle, edited)
    await desk.take(private("save"))
    opened = (await last(desk))[1]
    assert (opened["entries"], opened["awaited"]) == ([], ["Club"])
    assert "follows in a moment" in await shown(desk)

    in_force = await Bundles().current(desk.conn)
    assert await send_owed(desk.conn, in_force, NOW, bot_id=BOT_ID) == 0, "it is theirs already, only not made"
    link = await desk.row("SELECT id FROM entry_links")
    assert await made(desk.conn, in_force, link["id"], "https://t.me/+new", NOW, bot_id=BOT_ID)
    assert (await last(desk))[1]["entries"] == [{"title": "Club", "address": "https://t.me/+new"}]


async def test_who_is_inside_already_is_told_so(desk: Desk, bundle: Bundle, edited: Edit) -> None:
    await ready(desk.conn, await with_group(desk, bundle, edited), 1)
    await desk.take(chat_member())
    await desk.take(private("save"))
    assert (await last(desk))[1]["inside"] == ["Club"]
    assert await desk.rows("SELECT FROM entry_links WHERE given_at IS NOT NULL") == []


# A link.


async def test_a_link_to_a_coupon_uses_it_and_welcomes_who_was_not_yet(desk: Desk, bundle: Bundle) -> None:
    await coupon(desk, bundle, opens="vip_pass")
    await desk.take(chat_member())
    await desk.take(private("/start coupon_SAVE"))
    assert await desk.said() == ["welcome_drip/welcome", "bot/opened"]
    assert [event["data"] for event in await desk.events("start")] == [{"payload": "coupon"}]


async def test_a_link_to_no_coupon_is_told_so(desk: Desk) -> None:
    await desk.take(private("/start coupon_NOPE"), private("/start coupon_"))
    assert await desk.said() == ["bot/coupon_refused", "bot/help"]


@pytest.mark.parametrize("data", ["coupon:a b:1", "coupon:<b>:1", "coupon:" + "A" * 40 + ":1", "coupon:领券:1"])
async def test_a_button_that_was_made_up_does_nothing(desk: Desk, data: str) -> None:
    await ann(desk)
    before = len(await desk.said())
    await desk.take(press(data))
    assert len(await desk.said()) == before
    assert [event["data"] for event in await desk.events("button")] == [{}]


async def test_a_flood_of_guesses_is_not_answered(desk: Desk) -> None:
    await desk.take(*(private(f"RENEW-{number:012X}") for number in range(40)))
    assert len(await desk.said()) <= 20


# Terms.


@pytest.mark.parametrize("wish", ["我的会员", "会员到期", "membership", "/membership", "My membership"])
async def test_the_members_terms_are_told_line_by_line(desk: Desk, bundle: Bundle, wish: str) -> None:
    who, book = await ann(desk), bundle.playbook
    given = {"source": "staff", "by": "x"}
    await grant(desk.conn, book, who, "trial_7", NOW - 30 * DAY, **given)
    await grant(desk.conn, book, who, "month", NOW - DAY, **given)
    renewed = await grant(desk.conn, book, who, "month", NOW, **given)
    await cancel(desk.conn, renewed.id, NOW, by="x")
    await grant(desk.conn, book, who, "pack", NOW, **given, starts_at=NOW + 3 * DAY)
    wrong = await grant(desk.conn, book, who, "pack", NOW, **given)
    await revoke(desk.conn, wrong.id, NOW, by="x", note="")
    await desk.take(private(wish))
    assert (await shown(desk)).splitlines() == [
        "<b>What you have</b>",
        "· Monthly membership: until 3 May, 12:00, will not be renewed",
        "· Starter pack with 3 months of Q&amp;A: from 7 Mar, 12:00 until 7 Jun, 12:00",
    ]


async def test_who_had_a_term_is_told_when_it_ended_and_who_had_none_that_too(desk: Desk, bundle: Bundle) -> None:
    who = await ann(desk)
    await desk.take(press("membership:1"))
    assert "no membership yet" in await shown(desk)
    await grant(desk.conn, bundle.playbook, who, "vip_pass", NOW - 9 * DAY, source="staff", by="x")
    await grant(desk.conn, bundle.playbook, who, "trial_7", NOW - 8 * DAY, source="staff", by="x")
    await desk.take(private("我的会员"))
    assert "7-day trial ended 3 Mar, 12:00" in await shown(desk)
    assert datetime.fromisoformat((await last(desk))[1]["ended"]["until"]) == datetime(2026, 3, 3, 4, tzinfo=UTC)


async def test_a_plan_that_the_playbook_has_no_more_is_told_by_its_key(desk: Desk, bundle: Bundle) -> None:
    who = await ann(desk)
    await grant(desk.conn, bundle.playbook, who, "month", NOW, source="staff", by="x")
    await desk.conn.execute("UPDATE terms SET plan = 'old_card'")
    await desk.take(private("我的会员"))
    assert "old_card: until 4 Apr, 12:00" in await shown(desk)
