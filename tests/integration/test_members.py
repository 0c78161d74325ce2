"""Members: seen, found, attributed, reachable or not; tracked links; views."""

from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from community.bundle import Bundle
from community.database.pool import Connection
from community.errors import UnknownMember
from community.members import profile, reach
from community.members.clean import storable
from community.members.follow_ups import promise
from community.members.links import Followed, follow, link_url, sync_links, target_of
from community.members.models import Dm, Member
from community.members.people import Person, by_id, find, guess_locale, see
from tests.integration.telegram_kit import NOW, SECRET


async def meet(conn: Connection, number: int = 17, **names: str | None) -> Member:
    return await see(conn, Person(number, **{"first_name": "Ann", **names}), NOW, secret=SECRET)  # type: ignore[arg-type]


async def again(conn: Connection, member: Member) -> Member:
    found = await by_id(conn, member.id)
    assert found is not None
    return found


async def test_a_member_is_one_row_whatever_they_call_themselves(conn: Connection) -> None:
    first = await meet(conn, username="ann")
    second = await meet(conn, first_name="Anna", last_name="B", username=None)

    assert second.id == first.id
    assert (second.first_name, second.last_name, second.username) == ("Anna", "B", None)
    assert second.first_seen_at == NOW


async def test_the_locale_is_a_first_guess_only(conn: Connection) -> None:
    assert (await meet(conn, language_code="zh-TW")).locale == "zh-Hant"
    assert (await meet(conn, language_code="en", first_name="New")).locale == "zh-Hant"


@pytest.mark.parametrize(
    ("code", "locale"),
    [
        ("zh", "zh-Hans"),
        ("zh-hans", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("zh-hant", "zh-Hant"),
        ("zh_HK", "zh-Hant"),
        ("en", "en"),
        ("en-GB", "en"),
        ("ru", None),
        (None, None),
        ("", None),
        ("zhx", None),
    ],
)
def test_first_guess_of_the_locale(code: str | None, locale: str | None) -> None:
    assert guess_locale(code) == locale


@given(st.text(st.characters()))
def test_storable_text_is_what_it_was_less_what_cannot_be_stored(text: str) -> None:
    stored = storable(text)

    assert "\0" not in stored
    assert stored.encode("utf-8").decode("utf-8") == stored
    assert storable(stored) == stored


async def test_find_by_number_telegram_id_and_username(conn: Connection) -> None:
    ann, ben = await meet(conn, 17, username="Ann"), await meet(conn, 18, username="ben")

    assert (await find(conn, str(ann.id))).id == ann.id
    assert (await find(conn, "tg:18")).id == ben.id
    assert (await find(conn, "18")).id == ben.id
    assert (await find(conn, "@ANN")).id == ann.id
    for nobody in ("@", "", "nobody", "99", "tg:99", "' OR 1=1", "\0", "9" * 40):
        with pytest.raises(UnknownMember):
            await find(conn, nobody)


async def test_a_join_request_opens_the_chat_for_five_minutes(conn: Connection) -> None:
    member = await meet(conn)
    assert member.dm == Dm.none
    await reach.allow_while_requesting(conn, member.id, NOW)
    member = await again(conn, member)

    assert (member.dm, member.dm_until_at) == (Dm.temporary, NOW + timedelta(minutes=5))
    await reach.end_request(conn, member.id)
    assert (await again(conn, member)).dm == Dm.none


async def test_an_open_chat_stays_open_through_join_requests(conn: Connection) -> None:
    member = await meet(conn)
    assert await reach.open_chat(conn, member.id)
    assert not await reach.open_chat(conn, member.id)
    await reach.allow_while_requesting(conn, member.id, NOW)
    await reach.end_request(conn, member.id)

    assert (await again(conn, member)).dm == Dm.open


async def test_changes_of_reach_are_recorded_once(conn: Connection) -> None:
    member = await meet(conn)
    for verb in (reach.block, reach.block, reach.unblock, reach.unblock, reach.opt_out, reach.opt_out, reach.opt_in):
        await verb(conn, member.id, NOW)
    await reach.gone(conn, member.id, NOW)
    await reach.block(conn, member.id, NOW)

    rows = await (await conn.execute("SELECT kind FROM events ORDER BY id")).fetchall()
    assert [row["kind"] for row in rows] == ["blocked", "unblocked", "opted_out", "opted_in", "gone"]
    assert (await again(conn, member)).dm == Dm.gone


async def test_the_first_source_is_kept_for_ever(conn: Connection, bundle: Bundle) -> None:
    member = await meet(conn)

    assert not await profile.attribute(conn, member.id, None)
    assert not await profile.attribute(conn, member.id, "no such\0 link")
    assert not await profile.attribute(conn, member.id, "tariff_lookup"), "a resource is no source"
    assert await profile.attribute(conn, member.id, "partner-a")
    assert await profile.attribute(conn, member.id, "shortvideo-bio")
    assert (await again(conn, member)).link_token == "partner-a"


async def test_links_follow_the_playbook_and_are_never_removed(conn: Connection, bundle: Bundle) -> None:
    fewer = bundle.playbook.model_copy(update={"links": (), "resources": ()})
    await sync_links(conn, fewer)

    entry, resource = await target_of(conn, "partner-a"), await target_of(conn, "tariff_lookup")
    assert entry is not None
    assert entry.kind == "entry"
    assert resource is not None
    assert resource.url == "https://hts.usitc.gov/"


@given(token=st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True), number=st.integers(1, 2**63 - 1))
def test_a_signed_link_reads_back_and_no_other_secret_fits(token: str, number: int) -> None:
    path = link_url("https://sop.test", "secret", token, number, "unused").removeprefix("https://sop.test/l/")

    assert follow(path, "secret") == Followed(token, number)
    assert follow(path, "other") is None
    assert follow(path[:-1] + ("0" if path[-1] != "0" else "1"), "secret") is None


@given(st.text(max_size=80))
def test_whatever_is_visited_is_either_a_token_or_refused(path: str) -> None:
    followed = follow(path, "secret")

    assert followed is None or (followed.message_id is None and followed.token == path)


def test_without_a_public_address_a_link_is_its_target() -> None:
    assert link_url(None, "secret", "token", 1, "https://t.me/bot?start=token") == "https://t.me/bot?start=token"


async def test_zone_and_locale_fall_back_to_the_home_group(conn: Connection) -> None:
    member = await meet(conn)
    query = "SELECT zone, locale, in_group, group_title FROM v_members"
    assert await (await conn.execute(query)).fetchone() == dict.fromkeys(("zone", "locale", "group_title")) | {
        "in_group": False
    }
    await conn.execute(
        "INSERT INTO groups (chat_id, title, zone, locale, registered_at)"
        " VALUES (-1, 'Club', 'Asia/Tokyo', 'en', now())"
    )
    group = await (await conn.execute("SELECT id FROM groups")).fetchone()
    assert group is not None
    assert await profile.enter(conn, member.id, group["id"], NOW)
    assert not await profile.enter(conn, member.id, group["id"], NOW + timedelta(days=1))
    there = await (await conn.execute(query)).fetchone()
    assert there == {"zone": "Asia/Tokyo", "locale": "en", "in_group": True, "group_title": "Club"}

    await profile.set_zone(conn, member.id, "Europe/Berlin")
    await profile.set_locale(conn, member.id, "zh-Hant")
    chosen = await (await conn.execute(query)).fetchone()
    assert chosen is not None
    assert (chosen["zone"], chosen["locale"]) == ("Europe/Berlin", "zh-Hant")


async def test_follow_ups_keep_the_members_words_within_reason(conn: Connection) -> None:
    member = await meet(conn)

    assert await promise(conn, member.id, "problem", "x\0" * 5000, NOW, NOW)
    assert not await promise(conn, member.id, "problem", "x" * 5000, NOW, NOW)
    row = await (await conn.execute("SELECT note FROM follow_ups")).fetchone()
    assert row == {"note": "x" * 2000}
