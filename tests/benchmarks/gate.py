"""Row `gate`: from the last right answer at the gate to the arrival of the welcome pack at Telegram.

Everybody has asked to join and answered the first question beforehand; then 50 a second type the last answer, for 60 s,
against the always-on service as it runs in use, the bot-wide limit off and with it the chat's, so that every wait
counts from the answer. The reference is the bare round trip under the same load: the answer long-polled and a message
sent at once, without database, by python-telegram-bot.
"""

import asyncio

from telegram import Update

from community.channels.telegram import make_bot
from community.sandbox.client import SandboxClient
from tests.benchmarks.harness import BOT_ID, TOKEN, Row, database, sandbox
from tests.benchmarks.service import SERVICE, answering, club, evenly, last_entry, waiting, waits

PER_SECOND, SECONDS = 50, 60
PEOPLE = range(1_000_000, 1_000_000 + PER_SECOND * SECONDS)
BEFOREHAND = 40
"""People a second while they ask to join, and while they answer the first question."""


async def run() -> Row:
    """Measure the service, then the bare loop."""
    with database() as url:
        async with sandbox("--token", SERVICE.token, "--journal-limit", "100000") as api, SandboxClient(api) as client:
            async with club(url, api, client) as link:
                ours = await _ours(client, link)
            bare = await _bare(api, client)
    return waiting("gate", f"{len(PEOPLE)} answers, {PER_SECOND} a second", ours, bare, lost=len(PEOPLE) - len(ours))


async def _ours(client: SandboxClient, link: str) -> list[float]:
    await client.create_users([{"id": user, "first_name": f"User {user}"} for user in PEOPLE])
    await evenly(PEOPLE, BEFOREHAND, lambda user: client.request_join(user, link))
    await evenly(PEOPLE, BEFOREHAND, lambda user: client.say(user, SERVICE.bot_id, "no"))
    await client.wait_idle(60, bot=SERVICE.bot_id)
    await asyncio.sleep(5)
    before = await last_entry(client)
    answered = await evenly(PEOPLE, PER_SECOND, lambda user: client.say(user, SERVICE.bot_id, "7"))
    return await waits(client, answered, SERVICE.bot_id, after=before)


async def _bare(api: str, client: SandboxClient) -> list[float]:
    await client.act_all([{"do": "start", "user": user, "bot": BOT_ID} for user in PEOPLE])
    async with make_bot(TOKEN, api, 64) as bot, answering(bot, "message", _answered):
        before = await last_entry(client)
        answered = await evenly(PEOPLE, PER_SECOND, lambda user: client.say(user, BOT_ID, "7"))
        return await waits(client, answered, BOT_ID, after=before)


def _answered(update: Update) -> int | None:
    return update.message.chat_id if update.message and update.message.text == "7" else None
