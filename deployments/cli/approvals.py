"""`sop approvals`."""

import asyncio

from community.database.installation import sop_now
from community.errors import SopError
from community.outreach.decide import DECISIONS, decide as note_decision
from community.outreach.proposal import COMMAND
from community.outreach.proposals import find_proposal, open_proposals
from deployments.cli.output import console, local, print_table
from deployments.cli.proposals import print_reasons, state_words
from deployments.cli.session import session
from tasks.words import count


def listing() -> None:
    """Print what waits for a word."""
    asyncio.run(_listing())


def decide(name: str, word: str, by: str, note: str) -> None:
    """Decide on a proposal, as an operator at the console."""
    asyncio.run(_decide(name, word, by.strip(), note))


async def _listing() -> None:
    async with session() as s:
        zone = (await s.bundle()).playbook.community.zone
        found = await open_proposals(s.conn)
    rows = [
        (
            each.hash,
            each.stage,
            each.kind,
            each.left,
            each.sent or None,
            local(each.decide_by_at, zone),
            state_words(each),
        )
        for each in found
    ]
    head = ("hash", "stage", "what", "messages", "sent before", f"decide by ({zone})", "state")
    print_table(console(), "What waits", head, rows)
    print("\nDecide with: sop approvals --decide HASH send|first|cancel --name NAME" if rows else "Nothing waits.")


async def _decide(name: str, word: str, by: str, note: str) -> None:
    if word not in DECISIONS:
        raise SopError(f"{word}: not a decision; say one of {', '.join(DECISIONS)}")
    async with session() as s:
        found, at = await find_proposal(s.conn, name), await sop_now(s.conn)
        bot_id, staff_chat = s.settings.bot_id, s.settings.staff_chat
        said = {"by": by, "how": COMMAND, "note": note}
        done = await note_decision(s.conn, found.id, word, at, bot_id=bot_id, staff_chat=staff_chat, **said)
        if done is None:
            now = await find_proposal(s.conn, str(found.id))
            late = "the time to decide is over" if now.state == "proposed" else state_words(now)
            raise SopError(f"{found.hash}: {late}; nothing changed")
    if word == "cancel":
        print(f"{done.hash}: cancelled; not sent: {count(done.left, 'message')} of {done.stage}.")
        return
    part = "a part of " if word == "first" else ""
    print(f"{done.hash}: approved: {part}{count(done.left, 'message')} of {done.stage} will leave within seconds:")
    print("the service executes it, or the next run of delivery while the service is away.")
    print_reasons("Not among them", done.skipped)
