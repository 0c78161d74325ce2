"""`sop access removals` and `sop access repair`."""

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.outbox.bundles import publish
from deployments.cli.session import operator
from tests.e2e.cli.conftest import MakeMember, Sop, table
from tests.integration.access_kit import DAY, VIP, given, groups, inside, outside, with_plans
from tests.integration.conftest import NOON


@pytest.fixture
async def vip(conn: Connection, bundle: Bundle) -> Bundle:
    changed = with_plans(bundle)
    await publish(conn, changed, "plans open groups")
    return changed


@pytest.fixture
async def over(conn: Connection, vip: Bundle, member: MakeMember) -> int:
    """Somebody inside whose term is over."""
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    await given(conn, vip, who, "month", NOON - 30 * DAY, NOON - 2 * DAY)
    return who


async def test_what_does_not_fit_is_listed_and_repaired_by_kind_or_member(
    sop: Sop, conn: Connection, over: int
) -> None:
    shown = await sop("access", "repair")
    assert f"sop access repair {over}" in shown.out
    assert "unpaid" in shown.out
    assert await table(conn, "removals") == []
    assert "Nothing to repair." in (await sop("access", "repair", "outside")).out
    assert (await sop("access", "repair", over)).out == "unpaid: 1 repaired.\n"
    assert [row["state"] for row in await table(conn, "removals")] == ["proposed"]
    assert "no such member" in (await sop("access", "repair", "nonsense")).err


async def test_who_left_and_is_granted_something_again_is_sent_the_way_in(
    sop: Sop, conn: Connection, over: int
) -> None:
    [group] = [row["id"] for row in await table(conn, "groups") if row["chat_id"] == VIP]
    await outside(conn, group, over, NOON - DAY)
    await conn.execute(
        "INSERT INTO entry_links (group_id, name, invite_link) VALUES (%s, 'a', 'https://t.me/+a')", [group]
    )
    ran = await sop("access", "grant", over, "month", "--note", "gift")
    assert ran.out.endswith("1 way in: sent to them, or as soon as the link is made.\n"), ran.err
    [way] = [row for row in await table(conn, "messages") if row["template"] == "access/way"]
    assert (way["member_id"], way["context"]["join_url"]) == (over, "https://t.me/+a")
    await sop("access", "revoke", 2, "--note", "mistake")
    assert [row["revoked_at"] is None for row in await table(conn, "entry_links")] == [False]


async def test_all_fits(sop: Sop, conn: Connection, vip: Bundle) -> None:
    await groups(conn)
    assert "fit together" in (await sop("access", "repair")).out


async def test_who_is_to_leave_is_listed_kept_and_approved(sop: Sop, conn: Connection, over: int) -> None:
    assert "Nobody is listed" in (await sop("access", "removals")).out
    await sop("access", "repair", "unpaid")
    listed = (await sop("access", "removals")).out
    assert "to be removed" in listed
    assert "nobody is removed while the playbook's access.remove is false" in listed
    ran = await sop("access", "removals", "approve")
    assert ran.out.startswith("1 member: approved.\nNobody is removed before")
    ran = await sop("access", "removals", "keep", 1)
    assert ran.out == "1 member: will stay.\n"
    runs = [row["member_id"] for row in await table(conn, "stage_triggers") if row["stage"] == "access_expiry"]
    assert runs == [over], "an approval asks for a run at once, a word to keep does not"
    [row] = await table(conn, "removals")
    assert (row["state"], row["why"], row["decided_by"]) == ("kept", "decided", operator())
    assert (await sop("access", "removals", "approve", 1)).code == 0, "they may change their mind"
    ran = await sop("access", "removals", "approve", 2)
    assert (ran.code, "none of these is open" in ran.err) == (1, True)
    assert "say list, approve or keep" in (await sop("access", "removals", "drop")).err
