"""What staff do in person for members who pay (SOP 1.19, 1.24): reviews and consulting leads, each opened once."""

from datetime import datetime
from zoneinfo import ZoneInfo

from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.members.follow_ups import Task, open_due
from community.outbox.enqueue import Draft, enqueue
from community.outreach.plan import settings_of_planner
from community.outreach.statements import parameters, statement
from community.playbook import Playbook
from community.playbook_stages import MessageClass
from community.playbook_types import minor_digits

queries = load(__file__, "care.sql")

STAGE = "member_care"
REVIEW = "mid_year_review"
"""The step with which staff get a task, whether or not its message may be sent."""
LEAD = "consulting_lead"
LISTED = 5
"""Tasks of a kind that the message to staff names; more are counted."""

Opened = tuple[int, list[Task]]


async def open_tasks(
    conn: Connection, bundle: Bundle, as_of: datetime, *, staff_chat: int | None, bot_id: int
) -> dict[str, int]:
    """Open the tasks that are due at `as_of` (SOP time), and tell the staff chat of them in one message.

    Returns how many of each kind are new; opening the same again adds nothing, also when they are done. None are opened
    while the stage is switched off.
    """
    stage = bundle.playbook.stages.get(STAGE)
    if stage is None or not stage.enabled:
        return {}
    async with transaction(conn):
        await conn.execute(queries.one_at_a_time)
        await settings_of_planner(conn, everyone=True)
        reviews, leads = await _reviews(conn, bundle.playbook, as_of), await _leads(conn, bundle.playbook, as_of)
        tasks, more = [*reviews[1], *leads[1]], reviews[0] + leads[0]
        if tasks and staff_chat is not None:
            draft = _told(bundle.playbook, staff_chat, tasks, more - len(tasks), as_of)
            await enqueue(conn, bot_id, bundle.hash, [draft], as_of)
    return {kind: number for kind, number in ((REVIEW, reviews[0]), (LEAD, leads[0])) if number}


async def _reviews(conn: Connection, playbook: Playbook, as_of: datetime) -> Opened:
    """One for each occasion on which the audience names a member for the review."""
    steps = [step for step in playbook.stage(STAGE).steps if step.name == REVIEW]
    values = parameters(playbook, STAGE, steps, as_of, None)
    due = statement("named", values)
    return await open_due(conn, due, values, as_of, playbook.care.review_within, listed=LISTED)


async def _leads(conn: Connection, playbook: Playbook, as_of: datetime) -> Opened:
    """One a year for whoever paid as much as the playbook says."""
    above = playbook.care.lead_above
    if above is None:
        return 0, []
    digits = minor_digits(above.currency)
    values = {"as_of": as_of, "above": above.minor, "currency": above.currency, "digits": digits}
    return await open_due(conn, queries.leads, values, as_of, playbook.care.lead_within, listed=LISTED)


def _told(playbook: Playbook, staff_chat: int, tasks: list[Task], more: int, as_of: datetime) -> Draft:
    zone = ZoneInfo(playbook.community.zone)
    shown = [
        {
            "task": task.id,
            "kind": task.kind,
            "number": task.member_id,
            "telegram_id": task.telegram_id,
            "name": task.name,
            "note": task.note,
            "due": f"{task.due_at.astimezone(zone):%Y-%m-%d %H:%M %Z}",
        }
        for task in tasks
    ]
    return Draft(
        chat_id=staff_chat,
        stage="staff",
        step="care_tasks",
        occurrence=f"task:{tasks[0].id}",
        message_class=MessageClass.support,
        due_at=as_of,
        template="staff/care_tasks",
        context={"tasks": shown, "more": more},
    )
