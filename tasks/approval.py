"""Ask an operator for a word on a proposal: the run is suspended, so nothing waits but a row."""

from datetime import timedelta
from enum import StrEnum

from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from pydantic import Field

from community.database.installation import sop_now
from community.database.pool import Connection
from community.outreach.decide import CANCEL, FIRST, SEND, Execution, decide
from community.outreach.proposals import Proposal, find_proposal
from community.playbook import Playbook
from community.settings import load_settings
from tasks.proposing import announce
from tasks.reporting import local
from tasks.storage import connection
from tasks.words import count

LONGER = timedelta(days=1)
"""The proposal lapses by itself, and ends the run; Prefect would call a run that nobody resumes Failed."""


class Choice(StrEnum):
    """What an operator may say, in words that stand in a form."""

    send = "send to all"
    first = "send to a part first, then ask again"
    cancel = "cancel"


WORDS = {Choice.send: SEND, Choice.first: FIRST, Choice.cancel: CANCEL}


class Word(RunInput):
    """The form under Resume. Prefect knows no users: the name is as declared."""

    choice: Choice = Field(Choice.cancel, title="What shall happen?")
    name: str = Field("", title="Your name", description="kept with the decision, as you write it")
    note: str = Field("", title="Note", description="why, for whoever reads this later")


async def decided(proposal: Proposal, done: Execution | None, playbook: Playbook) -> Proposal:
    """The proposal after somebody's word; suspends the run until there is one, here or in the staff chat."""
    await announce(proposal, done)
    async with connection() as conn:
        left = proposal.decide_by_at - await sop_now(conn)
    word = await suspend_flow_run(  # type: ignore[misc]  # typed as if it were never awaited
        wait_for_input=Word.with_initial_data(description=_question(proposal, done, playbook)),
        timeout=int((left + LONGER).total_seconds()),
        key=f"plan-{proposal.id}-{done.sent if done else 0}",
    )
    async with connection() as conn:
        await _note(conn, proposal, word)
        return await find_proposal(conn, str(proposal.id))


async def _note(conn: Connection, proposal: Proposal, word: Word) -> None:
    """The form's word counts unless there was another before."""
    at, bot_id = await sop_now(conn), load_settings().bot_id
    by = word.name.strip() or "somebody who gave no name"
    await decide(conn, proposal.id, WORDS[word.choice], at, by=by, how="form", note=word.note.strip(), bot_id=bot_id)


def _question(proposal: Proposal, done: Execution | None, playbook: Playbook) -> str:
    """What the form says above its fields, as Markdown."""
    left = proposal.send - (done.sent if done else 0)
    by = local(proposal.decide_by_at, playbook.community.zone)
    part = "" if done else f" A part is {playbook.approval.first:g} %."
    return (
        f"**{count(left, 'message')}** of `{proposal.stage}` wait for your word. Who gets what, who does not and why: "
        f"see this run's *Artifacts*.{part} Without an answer by **{by}** ({playbook.community.zone}) nothing is sent."
    )
