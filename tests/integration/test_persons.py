"""One person, several accounts: what may be had once is had once by all of them, erased ones too."""

import asyncio
from datetime import datetime

from community.access.opening import Opened, grant_for_coupon
from community.database.pool import Connection, Pool
from community.engagement.coupons import NewCoupon, issue
from community.engagement.models import Redemption
from community.engagement.redemptions import Refusal, redeem
from community.members.bring_in import Listed, bring_in_listed
from community.members.people import Person, by_id, by_telegram_id, see
from community.members.persons import join, join_account
from community.members.suppression import leave_alone_again, suppression_hash
from community.playbook import Playbook
from community.playbook_types import parse_money
from community.privacy.personal import erase, export
from tests.integration.conftest import NOON, MakeMember
from tests.integration.rows import Edit

PAID = parse_money("199 CNY")


async def test_a_trial_is_given_once_to_a_person_whichever_account_they_use(
    conn: Connection, edited: Edit, member: MakeMember
) -> None:
    playbook, (ann, other, ben) = await _tastes(conn, edited), [await member() for _ in range(3)]
    await join(conn, ann, other)
    assert isinstance(await _opens(conn, playbook, ann, "FIRST", NOON), Opened)
    assert await _opens(conn, playbook, other, "SECOND", NOON) is Refusal.had_already
    await join(conn, ben, other)
    assert await _opens(conn, playbook, ben, "SECOND", NOON) is Refusal.had_already
    assert isinstance(await _opens(conn, playbook, await member(), "FIRST", NOON), Opened), "who is somebody else"


async def test_of_two_accounts_at_once_one_has_the_trial(
    conn: Connection, pool: Pool, edited: Edit, member: MakeMember
) -> None:
    playbook, accounts = await _tastes(conn, edited), [await member() for _ in range(4)]
    for other in accounts[1:]:
        await join(conn, accounts[0], other)

    async def one(who: int) -> bool:
        async with pool.connection() as mine:
            return isinstance(await _opens(mine, playbook, who, "FIRST", NOON), Opened)

    assert sorted(await asyncio.gather(*map(one, accounts))) == [False] * 3 + [True]


async def test_who_had_a_trial_is_erased_and_comes_back_has_had_it(
    conn: Connection, edited: Edit, member: MakeMember
) -> None:
    playbook, ann, ben = await _tastes(conn, edited), await member(telegram_id=71), await member(telegram_id=72)
    assert isinstance(await _opens(conn, playbook, ann, "FIRST", NOON), Opened)
    for number in (ann, ben):
        found = await by_id(conn, number)
        assert found is not None
        await erase(conn, found, "s", NOON)
    rows = await (await conn.execute("SELECT member_id, hash FROM persons")).fetchall()
    assert rows == [{"member_id": None, "hash": suppression_hash("s", 71)}], "nothing is kept of who has had nothing"

    back = [await see(conn, Person(number), NOON, secret="s") for number in (71, 72)]
    given = [await _opens(conn, playbook, each.id, "SECOND", NOON) for each in back]
    assert [isinstance(each, Opened) for each in given] == [False, True]
    assert given[0] is Refusal.had_already
    await erase(conn, back[0], "s", NOON)
    again = await see(conn, Person(71), NOON, secret="s")
    assert await _opens(conn, playbook, again.id, "SECOND", NOON) is Refusal.had_already, "twice erased"


async def test_what_an_erased_account_has_had_counts_for_the_others_of_its_person(
    conn: Connection, edited: Edit, member: MakeMember
) -> None:
    playbook, ann, other = await _tastes(conn, edited), await member(telegram_id=71), await member(telegram_id=72)
    await join(conn, ann, other)
    await _opens(conn, playbook, ann, "FIRST", NOON)
    found = await by_id(conn, ann)
    assert found is not None
    await erase(conn, found, "s", NOON)
    assert await _opens(conn, playbook, other, "SECOND", NOON) is Refusal.had_already
    await bring_in_listed(conn, [Listed(telegram_id=71)], NOON)
    await leave_alone_again(conn, "s")
    back = await by_telegram_id(conn, 71)
    assert back is not None
    assert await _opens(conn, playbook, back.id, "THIRD", NOON) is Refusal.had_already, "brought in by an import"


async def test_a_shared_coupon_is_used_once_by_a_person(conn: Connection, edited: Edit, member: MakeMember) -> None:
    playbook, ann, other = (
        edited(plans={"month": {"title": {"en": "Month"}, "price": "199 CNY"}}).playbook,
        await member(),
        await member(),
    )
    await issue(conn, playbook, NewCoupon(code="SAVE", offer="x", percent=10), NOON)
    assert isinstance(await redeem(conn, "SAVE", ann, "month", PAID, NOON), Redemption)
    await join(conn, ann, other)
    assert await redeem(conn, "SAVE", other, "month", PAID, NOON) is Refusal.used


async def _tastes(conn: Connection, edited: Edit) -> Playbook:
    """A trial that a person may have once, and coupons for it."""
    changed = edited(plans={"taste": {"title": {"en": "Taste"}, "length": "7d", "trial": True, "once": True}})
    for code in ("FIRST", "SECOND", "THIRD"):
        await issue(conn, changed.playbook, NewCoupon(code=code, offer="taste", opens="taste"), NOON)
    return changed.playbook


async def _opens(conn: Connection, playbook: Playbook, who: int, code: str, at: datetime) -> Opened | Refusal:
    return await grant_for_coupon(conn, playbook, who, "taste", code, at, source="coupon", by=code)


async def test_an_account_that_was_never_met_is_known_when_it_comes(
    conn: Connection, edited: Edit, member: MakeMember
) -> None:
    playbook, ann = await _tastes(conn, edited), await member(telegram_id=71)
    await join_account(conn, ann, suppression_hash("s", 99))
    await join_account(conn, ann, suppression_hash("s", 99))
    await _opens(conn, playbook, ann, "FIRST", NOON)
    other = await see(conn, Person(99), NOON, secret="s")
    assert await _opens(conn, playbook, other.id, "SECOND", NOON) is Refusal.had_already
    found = await by_id(conn, ann)
    assert found is not None
    assert (await export(conn, found))["persons"] == [{"same_as": other.id}]
    await erase(conn, other, "s", NOON)
    await erase(conn, found, "s", NOON)
    rows = await (await conn.execute("SELECT person, member_id FROM persons")).fetchall()
    assert [row["member_id"] for row in rows] == [None, None]
    assert len({row["person"] for row in rows}) == 1
