"""A group's set-up over HTTP: a post, led in private by buttons, refused to others, in force for the greeting."""

from typing import Any

from tests.integration.test_bot_live import ANN, BEN, OWNER, Live, live, telegram

__all__ = ["live", "telegram"]


async def button(live: Live, who: int, ends: str) -> None:
    """Press the button of the newest message that has one of that action."""

    async def data() -> str | None:
        for message in reversed(await live.telegram.received(who)):
            for row in (message["markup"] or {}).get("inline_keyboard", []):
                for each in row:
                    if ends in each.get("callback_data", ""):
                        return str(each["callback_data"])
        return None

    await live.telegram.press(who, data=await live.until(data))


async def column(live: Live, name: str) -> Any:
    row = await (await live.conn.execute(f"SELECT {name} FROM groups")).fetchone()
    assert row is not None
    return row[name]


async def post_in_the_group(live: Live) -> Any:
    """What the bot says there once it has seen that it was added."""

    async def posted() -> Any:
        found = [message for message in await live.telegram.history(live.club) if message["markup"]]
        return found[0] if found else None

    return await live.until(posted)


async def test_from_the_post_in_the_group_to_the_summary(live: Live) -> None:
    post = await post_in_the_group(live)
    url = post["markup"]["inline_keyboard"][0][0]["url"]
    payload = url.partition("?start=")[2]
    await live.telegram.start(OWNER, payload=payload)
    rights = (await live.until_received(OWNER, 1))[0]
    assert "✅" in rights, "the bot has all rights"
    for action, shown in (("_zone:", 2), ("_zone_America-New_York:", 3), ("_locale_en:", 4), ("_welcome_on:", 5)):
        await button(live, OWNER, action)
        await live.until_received(OWNER, shown)
    assert "America/New_York" in (await live.texts(OWNER))[-1]
    assert (await column(live, "zone"), await column(live, "locale")) == ("America/New_York", "en")

    await live.telegram.start(BEN, payload=payload)
    refusal = (await live.until_received(BEN, 1))[0]
    assert "Club" not in refusal
    await live.telegram.set_member(OWNER, live.club, ANN, "administrator")
    await live.telegram.start(ANN, payload=payload)
    assert "Club" in (await live.until_received(ANN, 1))[0]


async def test_lost_rights_are_told_to_whoever_took_them(live: Live) -> None:
    await post_in_the_group(live)  # else what it says of the rights it has now may come in private, later
    await live.telegram.start(OWNER)
    await live.until_received(OWNER, 1)
    await live.telegram.add_bot(OWNER, live.club, admin=True, rights=["can_invite_users"])
    told = (await live.until_received(OWNER, 2))[1]
    assert "· 删除消息" in told
    assert "· 邀请用户" not in told
