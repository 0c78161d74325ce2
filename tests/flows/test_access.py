"""Access end to end: paid, in by the link, another turned away, over, out, back; and what operators see of it."""

from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import PrefectClient

from community.access.removals import decide, listed
from community.bundle import Bundle
from community.channels.standing import Standing
from community.channels.telegram import make_bot
from community.database.installation import beat, set_virtual_now
from community.database.pool import Connection
from community.database.wakeup import OUTBOX
from community.outbox import bundles
from community.outbox.bundles import publish
from community.payments.events import StoredEvent, store
from community.payments.notice import Kind as Said, Notice
from community.payments.reconciliation import Kind
from community.payments.work import drain
from community.playbook_types import parse_money
from flows.access_expiry import access_expiry
from flows.access_reconciliation import access_reconciliation
from flows.payment_access import payment_access
from tasks import access
from tasks.access import find_ended
from tests.flows.conftest import STAFF, artifacts, run_of
from tests.integration.access_kit import DAY, HOUR, VIP, given, groups, inside, removals, with_plans
from tests.integration.conftest import MakeMember, member
from tests.integration.test_bot_live import ANN, BEN, OWNER, Live, live, telegram

__all__ = ["live", "member", "telegram"]

NOW = datetime.now(UTC)


@pytest.fixture
def shipped(shipped: Bundle) -> Bundle:
    """Plans open groups; removal is on, 2 a day."""
    return with_plans(shipped, remove=True, removals_per_day=2)


@pytest.fixture
def vip(bundle: Bundle) -> Bundle:
    return bundle


class Story:
    """A live service with a VIP group that monthly members may enter."""

    def __init__(self, live: Live, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
        self.live, self.conn, self.bundle = live, live.conn, bundle
        monkeypatch.setenv("SOP_SANDBOX_PORT", str(live.settings.sandbox_port))
        self.group = self.receipts = 0

    async def open(self) -> None:
        """The group; who talks to the bot; and links made ahead."""
        await beat(self.conn, "test", "service")
        self.group = await self.live.telegram.create_group("VIP", owner=OWNER, bots=[])
        await self.live.telegram.add_bot(OWNER, self.group, admin=True)
        await self.live.telegram.create_group("Staff", id=STAFF, owner=OWNER)
        for who in (ANN, BEN):
            await self.live.telegram.start(who)
            await self.live.until_received(who, 1)
        await self.live.until(self.number)
        async with make_bot(self.live.settings.token, self.live.settings.telegram_api, 1) as bot:
            for name in ("vip-1", "vip-2"):
                made = await bot.create_chat_invite_link(self.group, name=name, creates_join_request=True)
                await self.conn.execute(
                    "INSERT INTO entry_links (group_id, name, invite_link, made_at) VALUES (%s, %s, %s, %s)",
                    [await self.number(), name, made.invite_link, NOW],
                )

    async def pay(self, charge: str, at: datetime) -> str:
        """Ann pays for a month; returns the address in her receipt."""
        notice = Notice(
            Said.paid, charge, "paid", at, charge=charge, plan="month", amount=parse_money("199 CNY"), payer=ANN
        )
        await store(self.conn, [StoredEvent("ime", notice, "{}")])
        await drain(self.conn, self.bundle, at, bot_id=self.live.settings.bot_id)
        self.live.wakeup.ring(OUTBOX)
        self.receipts += 1
        return str(await self.live.until(self._address))

    async def _address(self) -> str | None:
        """In the newest receipt, once it is there."""
        receipts = [message for message in await self.live.telegram.received(ANN) if "199" in message["text"]]
        rows = receipts[-1]["markup"]["inline_keyboard"] if len(receipts) == self.receipts else [[{}]]
        return rows[0][0].get("url")

    async def number(self) -> int | None:
        row = await (await self.conn.execute("SELECT id FROM groups WHERE title = 'VIP'")).fetchone()
        return row["id"] if row else None

    async def present(self, who: int, expected: bool = True) -> bool:
        members = await self.live.telegram.members(self.group)
        here = any(m["user"]["id"] == who and m["status"] in ("member", "restricted") for m in members)
        return here is expected


@pytest.fixture
async def story(live: Live, vip: Bundle, monkeypatch: pytest.MonkeyPatch) -> Story:
    told = Story(live, vip, monkeypatch)
    await told.open()
    return told


async def test_paid_in_by_the_link_over_out_and_back(client: PrefectClient, story: Story) -> None:
    live, sandbox = story.live, story.live.telegram
    address = await story.pay("c1", NOW)
    await sandbox.request_join(BEN, address)
    await live.until(lambda: _told(live, BEN))
    assert await story.present(BEN, expected=False)
    assert len(await (await story.conn.execute("SELECT FROM events WHERE kind = 'leak'")).fetchall()) == 1
    await sandbox.request_join(ANN, address)
    await live.until(lambda: story.present(ANN))
    run = await run_of(client, await access_expiry(return_state=True))
    assert run.name.endswith("· nobody to remove")
    assert await artifacts(client, run) == {}

    over = NOW + timedelta(days=35)
    await set_virtual_now(story.conn, over)
    await beat(story.conn, "test", "service")
    run = await run_of(client, await access_expiry(return_state=True))
    assert run.name.endswith("· 1 removed"), run.name
    assert '"stands": "removed"' in str((await artifacts(client, run))["access-removals"].data)
    assert await story.present(ANN, expected=False)
    assert "kicked" not in [m["status"] for m in await sandbox.members(story.group)], "nobody is banned"
    await live.until(lambda: _told(live, ANN))
    [row] = await (await story.conn.execute("SELECT state, why FROM removals")).fetchall()
    assert row == {"state": "removed", "why": ""}

    again = await story.pay("c2", over)
    assert again != address
    await sandbox.request_join(ANN, again)
    await live.until(lambda: story.present(ANN))


@pytest.mark.parametrize("holds", [False, True])
async def test_who_left_unnoticed_is_put_right(client: PrefectClient, story: Story, holds: bool) -> None:
    """Our records say that Ann is inside, whatever she holds; Telegram knows better."""
    number = await story.number()
    if holds:
        await story.pay("c1", NOW)
    await story.conn.execute(
        "INSERT INTO memberships (member_id, group_id, joined_at)"
        " SELECT id, %s, %s FROM members WHERE telegram_id = %s",
        [number, NOW, ANN],
    )
    run = await run_of(client, await access_reconciliation(return_state=True))
    assert run.name.endswith("· 1 put right"), run.name
    [row] = await (await story.conn.execute("SELECT left_at FROM memberships")).fetchall()
    assert row["left_at"] is not None
    run = await run_of(client, await access_reconciliation(return_state=True))
    assert run.name.endswith(
        "· 1 outside with access · 1 of a group without the bot" if holds else "· 1 of a group without the bot"
    ), "all but the lounge, which is not there"


async def test_while_nobody_knows_who_is_staff_nobody_is_removed(
    client: PrefectClient, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of the staff chat is wrong."""
    await story.live.telegram.request_join(ANN, await story.pay("c1", NOW))
    await story.live.until(lambda: story.present(ANN))
    monkeypatch.setenv("SOP_STAFF_CHAT", "-100999")
    await set_virtual_now(story.conn, NOW + timedelta(days=35))
    await beat(story.conn, "test", "service")
    run = await run_of(client, await access_expiry(return_state=True))
    assert run.name.endswith("· 1 not answered for by Telegram"), run.name
    assert await story.present(ANN)
    [told] = await (
        await story.conn.execute("SELECT next_step FROM alerts WHERE subject = 'removals:staff-chat'")
    ).fetchall()
    assert "SOP_STAFF_CHAT" in told["next_step"]


async def _told(live: Live, who: int) -> bool:
    """That they are not, or no more, to be in the group."""
    return any("「VIP」" in text for text in await live.texts(who))


async def test_listed_only_until_the_playbook_says_so(
    client: PrefectClient, conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    listing = with_plans(bundle, remove=False)
    await publish(conn, listing, "plans open groups")
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    await given(conn, listing, who, "month", NOW - 30 * DAY, NOW - 2 * DAY)

    run = await run_of(client, await access_expiry(return_state=True))
    assert run.name.endswith("· 1 listed, none removed")
    shown = str((await artifacts(client, run))["access-removals"].data)
    assert "to be removed" in shown
    assert f'"member": {who}' in shown
    assert await removals(conn) == [(who, "proposed", "")]


async def test_above_the_limit_the_staff_chat_is_asked(
    client: PrefectClient, conn: Connection, vip: Bundle, member: MakeMember
) -> None:
    numbers = await groups(conn)
    for _ in range(3):
        who = await member()
        await inside(conn, numbers[VIP], who)
        await given(conn, vip, who, "month", NOW - 30 * DAY, NOW - 2 * DAY)
    await conn.execute(
        "INSERT INTO entry_links (group_id, name, member_id, given_at) VALUES (%s, 'a', %s, %s)",
        [numbers[VIP], who, NOW - 30 * DAY],
    )
    run = await run_of(client, await access_expiry(dry=True, return_state=True))
    assert run.name.endswith("· 3 listed, none removed")
    assert await (await conn.execute("SELECT FROM messages")).fetchall() == [], "a dry run asks nobody"
    still_open = "SELECT FROM entry_links WHERE revoked_at IS NULL"
    assert len(await (await conn.execute(still_open)).fetchall()) == 1

    run = await run_of(client, await access_expiry(return_state=True))
    assert run.name.endswith("· 3 wait for approval")
    rows = await (await conn.execute("SELECT stage, step FROM messages")).fetchall()
    assert rows == [{"stage": "staff", "step": "removals"}]
    assert await (await conn.execute(still_open)).fetchall() == []


async def test_a_run_for_approvals_takes_those_alone(conn: Connection, vip: Bundle, member: MakeMember) -> None:
    numbers = await groups(conn)
    for _ in range(2):
        who = await member()
        await inside(conn, numbers[VIP], who)
        await given(conn, vip, who, "month", NOW - 30 * DAY, NOW - 2 * DAY)
    assert len((await find_ended.fn(dry=True)).now) == 2, "few enough to go unasked"
    [first, _] = await listed(conn)
    await decide(conn, "approved", NOW, by="ann", ids=[first["id"]])
    found = await find_ended.fn(only_approved=True)
    assert ([row["id"] for row in found.now], found.asked) == ([first["id"]], ())


async def test_removal_switched_off_stops_a_run_under_way(
    conn: Connection, vip: Bundle, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = await groups(conn)
    for _ in range(2):
        who = await member()
        await inside(conn, numbers[VIP], who)
        await given(conn, vip, who, "month", NOW - 30 * DAY, NOW - 2 * DAY)
    found = await find_ended.fn()

    async def standing(_conn: Connection, _bot: object, chat_id: int, _user: int) -> Standing:
        """Of a plain member; while the first is asked about, the playbook changes."""
        await publish(conn, with_plans(vip, remove=False), "off")
        return Standing(present=chat_id == VIP)

    monkeypatch.setattr(access, "standing", standing)
    monkeypatch.setattr(bundles, "LOOK_AGAIN_S", 0.0)
    begun = await access.remove.fn(found.now)
    assert (list(begun.begun), begun.spared) == ([], 0)


async def test_whom_telegram_knows_outside_is_outside_by_our_records_too(
    conn: Connection, vip: Bundle, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    await given(conn, vip, who, "month", NOW - 30 * DAY, NOW - 2 * DAY)

    async def standing(_conn: Connection, _bot: object, _chat: int, _user: int) -> Standing:
        return Standing(present=False)

    monkeypatch.setattr(access, "standing", standing)
    begun = await access.remove.fn((await find_ended.fn()).now)
    assert (list(begun.begun), begun.spared) == ([], 1)
    still = "SELECT FROM memberships WHERE group_id = %s AND left_at IS NULL"
    assert await (await conn.execute(still, [numbers[VIP]])).fetchall() == []


async def test_reconciliation_lists_and_repairs_what_is_chosen(
    client: PrefectClient, conn: Connection, vip: Bundle, member: MakeMember
) -> None:
    """Telegram is away here: what it would say is left as it is known."""
    numbers, (over, paid, stranger) = await groups(conn), [await member() for _ in range(3)]
    await inside(conn, numbers[VIP], over)
    await inside(conn, numbers[VIP], stranger)
    await given(conn, vip, over, "month", NOW - 30 * DAY, NOW - 2 * DAY)
    await given(conn, vip, paid, "month", NOW - HOUR)

    run = await run_of(client, await access_reconciliation(return_state=True))
    assert run.name.endswith("· 1 outside with access · 1 inside with access over · 1 inside without ever access"), (
        run.name
    )
    shown = str((await artifacts(client, run))["access-reconciliation"].data)
    assert f"sop access repair {paid}" in shown
    assert f"sop access grant {stranger} PLAN" in shown

    run = await run_of(client, await access_reconciliation(repair=[Kind.outside, Kind.unpaid], return_state=True))
    assert run.name.endswith("· 1 outside repaired · 1 unpaid repaired"), run.name
    assert await removals(conn) == [(over, "proposed", "")]


async def test_payments_are_shown_by_member_and_swept_without(
    client: PrefectClient, conn: Connection, vip: Bundle, member: MakeMember
) -> None:
    await groups(conn)
    members = [await member() for _ in range(3)]
    for number, amount in enumerate(("199 CNY", "199 CNY", "5 CNY")):
        notice = Notice(
            Said.paid, f"e{number}", "paid", NOW, charge=f"c{number}", plan="month", amount=parse_money(amount),
            payer=10_001 + number,
        )  # fmt: skip
        await store(conn, [StoredEvent("ime", notice, "{}")])
    await drain(conn, vip, NOW, bot_id=4202)

    run = await run_of(client, await payment_access(as_of=NOW, members=members, since=NOW - HOUR, return_state=True))
    assert run.name.endswith(" · 3 members · 3 paid · 2 with access · 1 needs a human"), run.name
    shown = str((await artifacts(client, run))["payments"].data)
    assert "paid, fits nothing: wrong amount" in shown
    assert '"amount": "199.00 CNY"' in shown

    late = Notice(Said.paid, "e9", "paid", NOW, charge="c9", plan="other", amount=parse_money("9 CNY"), payer=10_001)
    await store(conn, [StoredEvent("ime", late, "{}")])
    await conn.execute("UPDATE provider_events SET received_wall = received_wall - interval '2 minutes'")
    run = await run_of(client, await payment_access(return_state=True))
    assert "1 event settled in the service's place" in run.name, run.name
    assert run.name.endswith("1 needs a human"), run.name
    run = await run_of(client, await payment_access(return_state=True))
    assert "settled" not in run.name
