"""Groups: the bot comes and goes, members join and leave, the collected welcome, supergroups."""

import asyncio
from datetime import timedelta

from community.bundle import Bundle
from community.database.pool import Pool
from community.groups.welcome import sweep_greetings
from tests.integration.telegram_kit import (
    ANN,
    BEN,
    BOT_ID,
    CLUB,
    NOW,
    Desk,
    chat_member,
    desk,
    group_message,
    invite,
    join_request,
    my_chat_member,
    private,
    reaction,
    update,
    user,
)

__all__ = ["desk"]

SMALL = {"id": -55, "type": "group", "title": "Small"}


async def test_a_group_registers_when_the_bot_is_added_and_gets_a_way_in_as_admin(desk: Desk) -> None:
    await desk.take(my_chat_member("left", "administrator"))

    group = await desk.row("SELECT * FROM groups")
    assert (group["chat_id"], group["title"], group["lost_at"]) == (CLUB["id"], "Club", None)
    assert group["invite_link"] == "https://t.me/+door1001"


async def test_a_group_is_lost_when_the_bot_is_removed_and_comes_back_the_same(desk: Desk) -> None:
    await desk.take(my_chat_member("left", "member"), chat_member())
    await desk.take(my_chat_member("member", "kicked"))
    lost = await desk.row("SELECT id, lost_at FROM groups")
    assert lost["lost_at"] == NOW
    assert [event["group_id"] for event in await desk.events("group_lost")] == [lost["id"]]
    assert len(await desk.rows("SELECT FROM alerts WHERE what = 'The bot was removed from a group'")) == 1
    assert not (await desk.row("SELECT in_group FROM v_members"))["in_group"]

    await desk.take(my_chat_member("left", "member"))
    assert (await desk.row("SELECT id, lost_at FROM groups")) == {"id": lost["id"], "lost_at": None}
    assert (await desk.row("SELECT in_group FROM v_members"))["in_group"]


async def test_an_update_from_before_the_loss_does_not_bring_a_group_back(desk: Desk) -> None:
    await desk.take(my_chat_member("left", "member"))
    await desk.take(my_chat_member("member", "left", at=NOW + timedelta(seconds=9)))
    await desk.take(group_message("bye", at=NOW + timedelta(seconds=5)))
    assert (await desk.row("SELECT lost_at FROM groups"))["lost_at"] is not None
    await desk.take(group_message("back?", at=NOW + timedelta(minutes=5)))
    assert (await desk.row("SELECT lost_at FROM groups"))["lost_at"] is None


async def test_joining_gives_no_right_to_write(desk: Desk) -> None:
    await desk.take(chat_member(invite_link=invite("shortvideo-bio")))

    member = await desk.member()
    assert (member["dm"], member["entered_at"], member["link_token"]) == ("none", NOW, "shortvideo-bio")
    membership = await desk.row("SELECT joined_at, left_at, link_token, greeting FROM memberships")
    assert membership == {"joined_at": NOW, "left_at": None, "link_token": "shortvideo-bio", "greeting": "due"}
    assert await desk.said() == []


async def test_who_opened_the_chat_before_joining_is_welcomed_there(desk: Desk) -> None:
    await desk.take(private("/start"), chat_member())

    assert "welcome_drip/welcome" in await desk.said()
    assert (await desk.row("SELECT greeting FROM memberships"))["greeting"] == "none"


async def test_leaving_and_coming_back_does_not_restart_anything(desk: Desk) -> None:
    later = NOW + timedelta(days=3)
    await desk.take(private("/start"), chat_member(), chat_member(was="member", now="left", at=NOW + timedelta(days=1)))
    assert not (await desk.row("SELECT in_group FROM v_members"))["in_group"]
    await desk.take(chat_member(at=later))

    assert (await desk.member())["entered_at"] == NOW
    assert (await desk.said()).count("welcome_drip/welcome") == 1
    assert [event["kind"] for event in await desk.events("joined", "left")] == ["joined", "left", "joined"]


async def test_changes_that_are_neither_joining_nor_leaving_are_nothing(desk: Desk) -> None:
    await desk.take(
        chat_member(), chat_member(was="member", now="administrator"), chat_member(was="kicked", now="left")
    )

    assert len(await desk.events("joined", "left")) == 1


async def test_an_approved_member_who_arrives_is_counted_once(desk: Desk) -> None:
    await desk.pass_gate()
    await desk.take(chat_member(at=NOW + timedelta(seconds=20)))

    assert len(await desk.events("joined")) == 1
    assert (await desk.row("SELECT greeting FROM memberships"))["greeting"] == "none"
    assert (await desk.member())["dm"] == "open"


async def test_an_admins_own_approval_closes_the_request(desk: Desk) -> None:
    await desk.take(join_request(), chat_member())

    assert (await desk.row("SELECT state FROM join_requests"))["state"] == "passed"
    assert (await desk.member())["dm"] == "none", "the right to write ended with the request"
    assert "gate/approve" not in await desk.said()


async def test_newcomers_without_a_private_chat_share_one_group_welcome(desk: Desk, bundle: Bundle) -> None:
    people = [user(n, first_name=f"<b>{n}</b>") for n in range(100, 125)]
    await desk.take(*[chat_member(person) for person in people], private("/start", 100))
    sent = await sweep_greetings(desk.conn, bundle, NOW, BOT_ID)

    message = await desk.row("SELECT * FROM messages WHERE chat_id = %s", CLUB["id"])
    assert sent == 1
    assert message["delete_after_s"] == 600
    assert message["context"]["names"][0] == "<b>101<∕b>"
    assert (len(message["context"]["names"]), message["context"]["others"]) == (20, 4)

    await desk.take(chat_member(200, at=NOW + timedelta(minutes=1)))
    assert await sweep_greetings(desk.conn, bundle, NOW + timedelta(minutes=1), BOT_ID) == 0, "not every minute"
    assert await sweep_greetings(desk.conn, bundle, NOW + timedelta(minutes=2), BOT_ID) == 1
    assert await sweep_greetings(desk.conn, bundle, NOW + timedelta(minutes=9), BOT_ID) == 0, "nobody is new"


async def test_two_sweeps_at_once_greet_once(desk: Desk, pool: Pool, bundle: Bundle) -> None:
    await desk.take(chat_member())

    async def sweep() -> int:
        async with pool.connection() as conn:
            return await sweep_greetings(conn, bundle, NOW, BOT_ID)

    assert sorted(await asyncio.gather(sweep(), sweep(), sweep())) == [0, 0, 1]


async def test_a_group_that_becomes_a_supergroup_keeps_its_members(desk: Desk) -> None:
    await desk.take(
        my_chat_member("left", "member", chat=SMALL),
        group_message("hi", chat=SMALL),
        my_chat_member("left", "member"),
        chat_member(BEN),
        group_message(None, chat=SMALL, migrate_to_chat_id=CLUB["id"]),
        group_message(None, migrate_from_chat_id=SMALL["id"]),
    )

    group = await desk.row("SELECT id, chat_id FROM groups")
    assert group["chat_id"] == CLUB["id"]
    assert (await desk.row("SELECT group_id FROM memberships"))["group_id"] == group["id"]
    assert (await desk.member(BEN))["home_group_id"] == group["id"]


async def test_reactions_added_are_signs_of_life(desk: Desk) -> None:
    anonymous = reaction(["👍"])
    anonymous["message_reaction"]["actor_chat"] = CLUB
    del anonymous["message_reaction"]["user"]
    await desk.take(reaction(["👍"], ANN), reaction([], BEN, before=["👍"]), anonymous)

    assert [event["data"] for event in await desk.events("reaction")] == [{"message": 5}]
    assert await desk.states() == ["handled"] * 3


async def test_block_and_unblock(desk: Desk) -> None:
    chat = {"id": ANN, "type": "private", "first_name": "Ann"}
    await desk.take(private("hi"), my_chat_member("member", "kicked", chat=chat))
    assert (await desk.member())["dm"] == "blocked"
    await desk.take(my_chat_member("kicked", "member", chat=chat))
    assert (await desk.member())["dm"] == "open"

    assert [event["kind"] for event in await desk.events("blocked", "unblocked")] == ["blocked", "unblocked"]


async def test_hostile_group_titles_are_stored(desk: Desk) -> None:
    title = "<b>{{x}}\0\ud800'; DROP"
    await desk.take(update(message={**group_message("x")["message"], "chat": {**CLUB, "title": title}}))

    assert (await desk.row("SELECT title FROM groups"))["title"].startswith("<b>{{x}}")
    assert await desk.states() == ["handled"]
