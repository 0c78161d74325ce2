"""The collected group welcome: newcomers whom the bot may not write to, named in one message with a Start button."""

from datetime import datetime

from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.groups.models import Group
from community.members.names import display_name
from community.outbox.enqueue import Draft, enqueue
from community.playbook_stages import MessageClass

queries = load(__file__)

START = "welcome"
"""Start payload of the button: no source, it only opens the chat."""


async def sweep_greetings(conn: Connection, bundle: Bundle, at: datetime, bot_id: int) -> int:
    """Enqueue the group welcomes that are due; returns how many. Safe to run in several processes at once.

    A group gets one at most every `welcome.every`; it is deleted after `welcome.delete_after`.
    """
    rules = bundle.playbook.welcome
    async with transaction(conn):
        groups = await (await conn.execute(queries.take_turns, {"at": at, "every": rules.every})).fetchall()
        drafts = [draft for row in groups if (draft := await _greeting(conn, bundle, Group(**row), at))]
        return await enqueue(conn, bot_id, bundle.hash, drafts, at)


async def _greeting(conn: Connection, bundle: Bundle, group: Group, at: datetime) -> Draft | None:
    rules = bundle.playbook.welcome
    people = await (await conn.execute(queries.take_unwelcomed, {"group_id": group.id})).fetchall()
    names = [display_name(who["first_name"], who["last_name"], who["username"]) for who in people]
    if not names:
        return None
    return Draft(
        chat_id=group.chat_id,
        stage="group",
        step="welcome",
        occurrence=f"group:{group.id}:{at.isoformat()}",
        message_class=MessageClass.welcome,
        due_at=at,
        expires_at=at + rules.delete_after,
        template="group/welcome",
        context={
            "group": {"title": group.title},
            "locale": group.locale or bundle.playbook.group_defaults.locale,
            "names": names[: rules.max_names],
            "others": max(0, len(names) - rules.max_names),
            "start_payload": START,
        },
        delete_after_s=int(rules.delete_after.total_seconds()),
    )
