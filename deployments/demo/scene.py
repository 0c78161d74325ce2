"""The scene of the demonstration: two groups with the bot in them, every way in, and a group that is paid for."""

import asyncio
from datetime import datetime, timedelta

from community.channels.telegram import make_bot
from community.database.pool import Connection
from community.database.queries import load
from community.playbook import Playbook
from community.sandbox.client import SandboxClient
from community.settings import Settings
from community.simulation.behaviour import Doors, Quiz
from deployments.clockwork import Clockwork
from deployments.demo.shop import VIP

queries = load(__file__)

OWNER = 500_000_000
STAFF_CHAT = -1_009_000_000_001
GROUPS = (
    {"title": "跨境老板圈 · 亚洲", "username": "cross_border_asia", "zone": "Asia/Shanghai", "locale": None, "slot": 0},
    {"title": "Cross-border sellers · Americas", "zone": "America/New_York", "locale": "en", "slot": 2},
)
"""`slot` of the day in which people arrive: their own morning. The first group is public."""


async def prepare(
    conn: Connection, sandbox: SandboxClient, clock: Clockwork, settings: Settings, playbook: Playbook, at: datetime
) -> Doors:
    """Create the groups, let the bot in as an admin, make an invite link for each group and campaign."""
    await sandbox.create_user(OWNER, "Community owner")
    await sandbox.create_group("Staff", id=STAFF_CHAT, owner=OWNER)
    vip = await _paid_group(sandbox, clock, at - timedelta(minutes=1))
    groups: dict[int, dict[str, object]] = {}
    for age, group in enumerate(reversed(GROUPS)):
        await clock.set(at + timedelta(minutes=age))
        place = {"username": group["username"]} if "username" in group else {}
        chat = await sandbox.create_group(str(group["title"]), owner=OWNER, bots=[], **place)  # type: ignore[arg-type]
        await sandbox.add_bot(OWNER, chat, admin=True)
        await clock.settled()
        zone = {"chat_id": chat, "zone": group["zone"], "locale": group["locale"]}
        await conn.execute(queries.set_zone, zone)
        groups = {chat: dict(group), **groups}
    tokens = [link.token for link in playbook.links]
    return Doors(
        groups=tuple(groups),
        invites=await _invites(settings, tuple(groups), tokens),
        doors=tuple([await _door(conn, chat) for chat in groups]),
        entries={token: f"{settings.gateway_url}/l/{token}" for token in tokens},
        gateway=settings.gateway_url,
        vip=vip,
    )


async def _paid_group(sandbox: SandboxClient, clock: Clockwork, at: datetime) -> int:
    await clock.set(at)
    chat = await sandbox.create_group(VIP, owner=OWNER, bots=[])
    await sandbox.add_bot(OWNER, chat, admin=True)
    await clock.settled()
    return chat


def quiz(playbook: Playbook) -> Quiz:
    """What members know of the questions at the door."""
    questions = playbook.gate.questions if playbook.gate.enabled else []
    return Quiz(tuple(tuple(question.answers) for question in questions), playbook.gate.attempts)


async def _invites(settings: Settings, chats: tuple[int, ...], tokens: list[str]) -> dict[tuple[int, str], str]:
    links = {}
    async with make_bot(settings.token, settings.telegram_api, 2) as bot:
        for place, chat in enumerate(chats):
            for token in tokens:
                link = await bot.create_chat_invite_link(chat, name=token, creates_join_request=True)
                links[place, token] = link.invite_link
    return links


async def _door(conn: Connection, chat: int) -> str:
    """The bot's own invite link of a group; it makes one when it becomes an admin."""
    while True:
        row = await (await conn.execute(queries.door, {"chat_id": chat})).fetchone()
        if row and row["invite_link"]:
            return str(row["invite_link"])
        await asyncio.sleep(0.02)
