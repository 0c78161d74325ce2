"""The journal: what each call, gesture and update did, and to whom."""

import csv
import io
import json

import pytest
from telegram import Bot

from community.sandbox.client import SandboxClient, SandboxError
from community.sandbox.journal import BODIES, Journal

from .conftest import ANN, BOB, EVE

DAY = 86_400
MONDAY = 1_800_000_000


async def test_each_call_names_the_messages_it_touched(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    group = await sandbox.create_group("Group", owner=EVE)
    sent = await bot.send_message(ANN, "x" * 200)
    await bot.edit_message_text("two", ANN, sent.message_id)
    await bot.set_message_reaction(ANN, sent.message_id, "👍")
    pinned = await bot.send_message(group, "pin me")
    await bot.pin_chat_message(group, pinned.message_id)
    await bot.delete_message(group, pinned.message_id)
    calls = await sandbox.journal(bot_id=bot.id)
    effects = [(each["change"], each["chat_id"], each["message_id"]) for call in calls for each in call["effects"]]
    assert effects == [
        ("made", ANN, sent.message_id),
        ("edited", ANN, sent.message_id),
        ("reacted", ANN, sent.message_id),
        ("made", group, pinned.message_id),
        ("made", group, pinned.message_id + 1),
        ("deleted", group, pinned.message_id),
    ]
    assert len(calls[0]["params"]["text"]) == 80
    assert (await sandbox.message(ANN, sent.message_id))["text"] == "two"
    assert (await sandbox.message(group, pinned.message_id))["deleted"]
    with pytest.raises(SandboxError, match="no message"):
        await sandbox.message(group, 1)
    assert all(0 <= call["duration"] < 10 for call in calls)


async def test_gestures_updates_and_calls_come_in_order(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    [update] = await bot.get_updates()
    [waiting] = await sandbox.journal(kind="update")
    assert waiting["duration"] is None
    await bot.send_message(ANN, "hello")
    await bot.get_updates(offset=update.update_id + 1, timeout=0)
    with pytest.raises(SandboxError):
        await sandbox.say(ANN, None, "")
    entries = await sandbox.journal(kind="all")
    told = [(entry["kind"], entry["method"], entry["error"]) for entry in entries]
    assert told == [
        ("update", "message", None),
        ("gesture", "start", None),
        ("call", "getUpdates", None),
        ("call", "sendMessage", None),
        ("gesture", "say", 400),
    ]
    assert (entries[0]["params"]["update_id"], entries[0]["user_id"]) == (str(update.update_id), ANN)
    assert entries[0]["duration"] > 0
    assert entries[1]["effects"][0]["message_id"] == int(entries[0]["params"]["message_id"])
    assert [entry["number"] for entry in await sandbox.journal(kind="all", error="any")] == [entries[-1]["number"]]
    assert await sandbox.journal(kind="all", error=403) == []


async def test_what_a_member_received_on_a_day(bot: Bot, sandbox: SandboxClient) -> None:
    """In private and in the group, there only while they were in it."""
    await sandbox.set_clock(MONDAY, frozen=True)
    await sandbox.start(ANN)
    group = await sandbox.create_group("Group", owner=EVE, members=[BOB])
    for day in range(5):
        await bot.send_message(group, f"group {day}")
        await bot.send_message(ANN, f"private {day}")
        if day in (1, 3):
            await sandbox.set_member(EVE, group, ANN, "member" if day == 1 else "left")
        await sandbox.advance_clock(DAY)

    async def texts(user: int, day: int) -> list[str]:
        span = {"since": MONDAY + day * DAY, "until": MONDAY + (day + 1) * DAY}
        entries = await sandbox.journal(user=user, **span)
        seen = [
            await sandbox.message(each["chat_id"], each["message_id"]) for call in entries for each in call["effects"]
        ]
        got = await sandbox.received(user, **span, groups=True)
        written = [message["text"] for message in got if message["from"]["is_bot"]]
        assert sorted(written) == sorted(message["text"] for message in seen)
        return [message["text"] for message in seen]

    assert await texts(ANN, 0) == ["private 0"]
    assert await texts(ANN, 1) == ["private 1"]  # the group's message came before, at the same date
    assert await texts(ANN, 2) == ["group 2", "private 2"]
    assert await texts(ANN, 3) == ["group 3", "private 3"]
    assert await texts(ANN, 4) == ["private 4"]
    assert await texts(BOB, 4) == ["group 4"]


async def test_it_is_exported_as_lines_and_as_a_table(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    await bot.send_message(ANN, 'a "quoted", line\nand another')
    entries = await sandbox.journal(kind="all")
    lines = (await sandbox.export_journal()).splitlines()
    assert [json.loads(line) for line in lines] == entries
    rows = list(csv.DictReader(io.StringIO((await sandbox.export_journal("csv", method="sendMessage")).decode())))
    [sent] = [entry for entry in entries if entry["method"] == "sendMessage"]
    assert [json.loads(rows[0][name]) for name in ("params", "effects")] == [sent["params"], sent["effects"]]
    assert (rows[0]["number"], rows[0]["error"]) == (str(sent["number"]), "")
    with pytest.raises(SandboxError, match="format"):
        await sandbox.export_journal("pdf")  # type: ignore[arg-type]


def test_it_forgets_the_oldest() -> None:
    journal = Journal(3)
    for number in range(5):
        journal.add(number, number, 1, "getMe", {})
    assert [entry.number for entry in journal.select(lambda entry: True, after=3)] == [4, 5]
    journal.bound(1)
    assert [entry.number for entry in journal.select(lambda entry: True)] == [5]


def test_it_keeps_the_bodies_of_the_newest_updates_for_those_who_watch_a_bot() -> None:
    journal = Journal(2 * BODIES)
    for number in range(BODIES + 1):
        journal.update(number, 1, {"update_id": number, "message": {"message_id": 7, "chat": {"id": ANN}}})
    journal.add(0, 0, 2, "getMe", {})
    sent = journal.add(0, 0, 1, "sendMessage", {"text": "x"})
    assert journal.newest(1, None, 1) == [sent]
    assert [journal.told(entry)["update"]["update_id"] for entry in journal.newest(1, sent.number, 2)] == [
        BODIES - 1, BODIES
    ]  # fmt: skip
    [first] = journal.newest(1, 2, 10)
    assert journal.told(first) == first.as_json()
