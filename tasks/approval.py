"""Ask an operator for a word on a proposal: the run is suspended, so nothing waits but a row.

The word may come by the form under Resume, or past Prefect: in the staff chat, at a console, by time running out. Then
the run is told afterwards (`tasks.resuming`).
"""

from datetime import timedelta
from enum import StrEnum

from prefect.exceptions import Pause
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from pydantic import Field

from community.database.installation import sop_now
from community.database.pool import Connection
from community.members.clean import storable
from community.outreach.decide import CANCEL, FIRST, SEND, decide, lapse
from community.outreach.proposal import FORM, Proposal
from community.outreach.proposals import find_proposal
from community.playbook import Playbook
from community.settings import load_settings
from tasks.events import happened
from tasks.proposing import announce
from tasks.reporting import local
from tasks.storage import connection
from tasks.words import count

LONGER = timedelta(days=7)
"""The proposal lapses by itself, and ends the run; Prefect would call a run that nobody resumes Failed."""


class Choice(StrEnum):
    """What an operator may say, in words that stand in a form."""

    send = "send to all"
    first = "send to a part first, then ask again"
    cancel = "cancel"


WORDS = {Choice.send: SEND, Choice.first: FIRST, Choice.cancel: CANCEL}


class Word(RunInput):
    """The form under Resume. Prefect knows no users: the name is as declared.

    Nothing is chosen beforehand: a run resumed without a word must not send anything.
    """

    choice: Choice = Field(title="What shall happen?", description="nothing is sent before you submit")
    name: str = Field(title="Your name", description="kept with the decision, as you write it", pattern=r"\S")
    note: str = Field("", title="Note", description="why, for whoever reads this later")


async def decided(proposal: Proposal, playbook: Playbook) -> Proposal:
    """The proposal after somebody's word; suspends the run until there is one, here or in the staff chat."""
    await announce(proposal)
    async with connection() as conn:
        left = proposal.decide_by_at - await sop_now(conn)
    try:
        word = await suspend_flow_run(  # type: ignore[misc]  # typed as if it were never awaited
            wait_for_input=Word.with_initial_data(description=_question(proposal, playbook)),
            timeout=int((max(left, timedelta()) + LONGER).total_seconds()),
            key=proposal.question,
        )
    except Pause:  # it waits from now on; resumed with a word, it comes by here again
        tell_waiting(proposal)
        raise
    async with connection() as conn:
        await _note(conn, proposal, word)
        return await find_proposal(conn, str(proposal.id))


def tell_waiting(proposal: Proposal) -> None:
    """As an event for operators' automations: this waits for a word."""
    happened(
        "proposal_waiting",
        proposal.stage,
        f"{proposal.hash}:{proposal.settled}",
        plan=proposal.hash,
        kind=proposal.kind,
        messages=proposal.left,
        decide_by=proposal.decide_by_at.isoformat(),
    )


def tell_decided(proposal: Proposal) -> None:
    """As an event for operators' automations: how it ended, not by whom."""
    happened(
        "proposal_decided",
        proposal.stage,
        f"{proposal.hash}:{proposal.state}",
        plan=proposal.hash,
        kind=proposal.kind,
        state=proposal.state,
        how=proposal.decided_how,
        sent=proposal.sent,
        left=proposal.left,
    )


async def _note(conn: Connection, proposal: Proposal, word: Word) -> None:
    """The form's word counts unless there was another before, or it comes too late."""
    at, settings = await sop_now(conn), load_settings()
    bot_id, staff_chat = settings.bot_id, settings.staff_chat
    await lapse(conn, at, bot_id=bot_id, staff_chat=staff_chat)
    said = {"by": storable(word.name).strip(), "note": storable(word.note).strip()}
    await decide(conn, proposal.id, WORDS[word.choice], at, how=FORM, bot_id=bot_id, staff_chat=staff_chat, **said)


def _question(proposal: Proposal, playbook: Playbook) -> str:
    """What the form says above its fields, as Markdown."""
    by = local(proposal.decide_by_at, playbook.community.zone)
    return (
        f"**{count(proposal.left, 'message')}** of `{proposal.stage}` to decide on. Who gets what, who does not "
        f"and why: see this run's *Artifacts*. A part is {playbook.approval.first:g} %, at least one member. Without "
        f"an answer by **{by}** ({playbook.community.zone}) nothing more is sent."
    )
