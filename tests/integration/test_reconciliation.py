"""Terms, ledger and who is really in the groups: what does not fit is found, and mended on request."""

from datetime import datetime

import pytest

from community.access.grant import grant
from community.access.terms import revoke, set_end, terms_of
from community.access.ways import send_owed
from community.bundle import Bundle
from community.database.pool import Connection
from community.payments.events import StoredEvent, store
from community.payments.notice import Kind as Said, Notice
from community.payments.reconciliation import Finding, Kind, findings, repair
from community.payments.truth import differences, uneven
from community.payments.work import drain
from community.playbook_types import parse_money
from tasks.remedies import remedy
from tests.integration.access_kit import DAY, HOUR, VIP, given, groups, inside, outside, removals, with_plans
from tests.integration.conftest import BOT_ID, NOON, MakeMember

STAFF = -4000


@pytest.fixture
def vip(bundle: Bundle) -> Bundle:
    return with_plans(bundle)


async def found(conn: Connection, vip: Bundle, at: datetime = NOON) -> list[Finding]:
    """All but that the lounge is missing, where it is."""
    return [each for each in await findings(conn, vip.playbook, at, staff_chat=STAFF) if each.kind is not Kind.astray]


async def mend(conn: Connection, vip: Bundle, at: datetime = NOON) -> dict[Kind, int]:
    return await repair(conn, vip, await found(conn, vip, at), at, bot_id=BOT_ID, staff_chat=STAFF)


async def ready(conn: Connection, group: int, name: str) -> None:
    await conn.execute(
        "INSERT INTO entry_links (group_id, name, invite_link, made_at) VALUES (%s, %s, 'https://t.me/+' || %s, %s)",
        [group, name, name, NOON],
    )


async def addresses(conn: Connection) -> list[str]:
    rows = await conn.execute("SELECT context FROM messages WHERE template = 'access/way' ORDER BY id")
    return [row["context"]["join_url"] for row in await rows.fetchall()]


async def test_all_fits(conn: Connection, vip: Bundle, member: MakeMember) -> None:
    numbers, who = await groups(conn), await member()
    await given(conn, vip, who, "month", NOON - DAY)
    await inside(conn, numbers[VIP], who)
    assert await findings(conn, vip.playbook, NOON, staff_chat=STAFF) == []


async def test_who_holds_something_and_is_outside_gets_the_way_in(
    conn: Connection, vip: Bundle, member: MakeMember
) -> None:
    numbers, (never, left) = await groups(conn), [await member(), await member()]
    for who in (never, left):
        await given(conn, vip, who, "month", NOON - DAY)
    await inside(conn, numbers[VIP], left)
    await outside(conn, numbers[VIP], left, NOON - HOUR)

    assert [(each.kind, each.member_id, each.about) for each in await found(conn, vip)] == [
        (Kind.outside, never, "holds month, never came in"),
        (Kind.outside, left, "holds month, has left"),
    ]
    await ready(conn, numbers[VIP], "a")
    await ready(conn, numbers[VIP], "b")
    assert await mend(conn, vip) == {Kind.outside: 2}
    assert await addresses(conn) == ["https://t.me/+a", "https://t.me/+b"]
    await mend(conn, vip)
    assert len(await addresses(conn)) == 2, "once a day"
    await mend(conn, vip, NOON + DAY)
    assert await addresses(conn) == ["https://t.me/+a", "https://t.me/+b"] * 2, "the same links"


async def test_who_is_inside_and_holds_nothing_any_more_is_listed_for_removal(
    conn: Connection, vip: Bundle, member: MakeMember
) -> None:
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    await given(conn, vip, who, "month", NOON - 30 * DAY, NOON - HOUR)
    assert await found(conn, vip) == [], "within the grace"

    later = NOON + DAY
    assert [each.kind for each in await found(conn, vip, later)] == [Kind.unpaid]
    assert await mend(conn, vip, later) == {Kind.unpaid: 1}
    assert await removals(conn) == [(who, "proposed", "")]
    assert [each.about for each in await found(conn, vip, later)] == ["held month; removal proposed"]


async def test_who_was_never_known_is_for_a_human(conn: Connection, vip: Bundle, member: MakeMember) -> None:
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    assert [(each.kind, each.member_id) for each in await found(conn, vip)] == [(Kind.unknown, who)]
    assert await mend(conn, vip) == {}


async def test_a_chat_that_the_bot_is_not_in_is_named(conn: Connection, vip: Bundle) -> None:
    assert {each.about for each in await findings(conn, vip.playbook, NOON, staff_chat=None)} == {
        "month opens 'VIP'",
        "trial_7 opens 'Lounge'",
    }


async def test_a_payment_whose_term_went_missing_is_settled_again(
    conn: Connection, vip: Bundle, member: MakeMember
) -> None:
    await groups(conn)
    who = await member()
    await _pay(conn, vip)
    assert [each.kind for each in await found(conn, vip)] == [Kind.outside]

    await conn.execute("UPDATE terms SET revoked_at = %s WHERE member_id = %s", [NOON, who])
    differing = [each for each in await found(conn, vip) if each.kind is Kind.ledger]
    assert [(each.member_id, each.payment, each.about) for each in differing] == [
        (who, ("ime", "c1"), "ime:c1 gives 0 of 1 terms")
    ]
    done = await repair(conn, vip, differing, NOON, bot_id=BOT_ID, staff_chat=STAFF)
    assert done == {Kind.ledger: 1}
    assert [each for each in await found(conn, vip) if each.kind is Kind.ledger] == []
    running = "SELECT id FROM terms WHERE revoked_at IS NULL"
    [term] = await (await conn.execute(running)).fetchall()
    row = await (await conn.execute("SELECT terms FROM payments")).fetchone()
    assert row is not None
    assert term["id"] in row["terms"], "a refund takes it back"


async def test_a_term_that_was_not_paid_for_is_revoked(conn: Connection, vip: Bundle, member: MakeMember) -> None:
    await groups(conn)
    who = await member()
    await _pay(conn, vip)
    await grant(conn, vip.playbook, who, "month", NOON, source="ime", by="c1", note="doubled by mistake")
    differing = [each for each in await found(conn, vip) if each.kind is Kind.ledger]
    assert [each.about for each in differing] == ["ime:c1 gives 2 of 1 terms"]
    assert (await mend(conn, vip))[Kind.ledger] == 1
    left = await (await conn.execute("SELECT id FROM terms WHERE revoked_at IS NULL")).fetchall()
    assert len(left) == 1


async def test_what_staff_have_revoked_stays_so(conn: Connection, vip: Bundle, member: MakeMember) -> None:
    await groups(conn)
    who = await member()
    await _pay(conn, vip)
    [term] = await terms_of(conn, who)
    await revoke(conn, term.id, NOON, by="op", note="sold it on")
    [differing] = [each for each in await found(conn, vip) if each.payment]
    assert (differing.kind, differing.about) == (Kind.revoked, "ime:c1 is paid, and staff have revoked what it gave")
    assert remedy(differing) == f"sop payments refund ime:c1, or sop access grant {who} PLAN"
    assert await mend(conn, vip) == {}
    assert [term.revoked_at for term in await terms_of(conn, who)] == [NOON]


async def test_what_the_provider_took_back_and_gave_again_is_not_staffs_word(
    conn: Connection, vip: Bundle, member: MakeMember
) -> None:
    await groups(conn)
    who = await member()
    await _pay(conn, vip)
    [term] = await terms_of(conn, who)
    await revoke(conn, term.id, NOON, by="ime", note="c1 refunded")
    assert (await mend(conn, vip))[Kind.ledger] == 1


async def test_who_is_covered_for_life_is_given_nothing_more(conn: Connection, vip: Bundle, member: MakeMember) -> None:
    await groups(conn)
    who = await member()
    await _pay(conn, vip)
    await conn.execute("UPDATE terms SET revoked_at = %s", [NOON])
    life = await grant(conn, vip.playbook, who, "month", NOON, source="staff", by="op")
    await set_end(conn, life.id, None, NOON, by="op", note="for life")
    assert Kind.ledger not in await mend(conn, vip)
    row = await (await conn.execute("SELECT terms FROM payments")).fetchone()
    assert row is not None
    assert life.id not in row["terms"], "a refund of the payment does not take it away"
    assert len(await terms_of(conn, who)) == 2


async def test_one_payment_is_looked_at_alone(conn: Connection, vip: Bundle, member: MakeMember) -> None:
    await groups(conn)
    who = await member()
    await _pay(conn, vip, "c1")
    await _pay(conn, vip, "c2")
    await conn.execute("UPDATE terms SET revoked_at = %s", [NOON])
    await conn.execute("UPDATE payments SET refunded_minor = 5")
    for member_id in (None, who):
        assert [each.charge for each in await differences(conn, member_id, ("ime", "c2"))] == ["c2"]
    assert [(each.charge, each.what) for each in await uneven(conn, ("ime", "c2"))] == [
        ("c2", "ledger"),
        ("c2", "events"),
    ]


async def _pay(conn: Connection, vip: Bundle, charge: str = "c1") -> None:
    """Member 1 pays for a month."""
    notice = Notice(
        Said.paid, f"e{charge}", "paid", NOON, charge=charge, plan="month", amount=parse_money("199 CNY"), payer=10_001
    )
    await store(conn, [StoredEvent("ime", notice, "{}")])
    await drain(conn, vip, NOON, bot_id=BOT_ID)


async def test_who_was_granted_something_is_sent_the_way_in_once(
    conn: Connection, vip: Bundle, member: MakeMember
) -> None:
    numbers, (new, old, here, coupon, left) = await groups(conn), [await member() for _ in range(5)]
    await grant(conn, vip.playbook, coupon, "month", NOON - DAY, source="coupon", by="CODE")
    await given(conn, vip, new, "month", NOON - DAY)
    await given(conn, vip, old, "month", NOON - 20 * DAY)
    await given(conn, vip, here, "month", NOON - DAY)
    await inside(conn, numbers[VIP], here)
    await given(conn, vip, left, "month", NOON - DAY)
    await inside(conn, numbers[VIP], left)
    await outside(conn, numbers[VIP], left, NOON - 40 * DAY)
    await conn.execute(
        "INSERT INTO entry_links (group_id, name, invite_link, member_id, given_at, used_at)"
        " VALUES (%s, 'old', 'https://t.me/+old', %s, %s, %s)",
        [numbers[VIP], left, NOON - 60 * DAY, NOON - 60 * DAY],
    )
    for name in "abc":
        await ready(conn, numbers[VIP], name)

    assert [await send_owed(conn, vip, NOON, bot_id=BOT_ID) for _ in range(2)] == [3, 0]
    assert await addresses(conn) == ["https://t.me/+a", "https://t.me/+b", "https://t.me/+c"]
