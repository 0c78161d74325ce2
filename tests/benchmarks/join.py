"""Row `join`: from the moment a user asks to join to the arrival of the bot's first private message at Telegram.

50 requests a second for 60 s against the always-on service as it runs in use, the bot-wide limit off. Prefect's server
is not there: nobody who waits depends on it (invariant 8). The reference is the bare round trip in the same
sandbox under the same load: an update long-polled and answered with `send_message` at once, without database, by
python-telegram-bot.
"""

from telegram import Update

from community.channels.telegram import make_bot
from community.sandbox.client import SandboxClient
from tests.benchmarks.harness import BOT_ID, TOKEN, Row, database, sandbox
from tests.benchmarks.service import OWNER, SERVICE, answering, club, evenly, waiting, waits

PER_SECOND, SECONDS = 50, 60
PEOPLE = PER_SECOND * SECONDS
FIRST_USER, FIRST_OF_BARE = 1_000_000, 2_000_000


async def run() -> Row:
    """Measure the service, then the bare loop."""
    with database() as url:
        async with sandbox("--token", SERVICE.token, "--journal-limit", "100000") as api, SandboxClient(api) as client:
            ours = await _ours(url, api, client)
            bare = await _bare(api, client)
    return waiting("join", f"{PEOPLE} joins, {PER_SECOND} a second", ours, bare, lost=PEOPLE - len(ours))


async def _ours(url: str, api: str, client: SandboxClient) -> list[float]:
    async with club(url, api, client) as link:
        return await _waits(client, link, FIRST_USER, SERVICE.bot_id)


async def _bare(api: str, client: SandboxClient) -> list[float]:
    group = await client.create_group("Bare", owner=OWNER, bots=[BOT_ID])
    async with make_bot(TOKEN, api, 64) as bot:
        link = await bot.create_chat_invite_link(group, creates_join_request=True)
        async with answering(bot, "chat_join_request", _asking):
            return await _waits(client, link.invite_link, FIRST_OF_BARE, BOT_ID)


def _asking(update: Update) -> int | None:
    return update.chat_join_request.user_chat_id if update.chat_join_request else None


async def _waits(client: SandboxClient, link: str, first: int, bot_id: int) -> list[float]:
    people = range(first, first + PEOPLE)
    await client.create_users([{"id": user, "first_name": f"User {user}"} for user in people])
    asked = await evenly(people, PER_SECOND, lambda user: client.request_join(user, link))
    return await waits(client, asked, bot_id)
