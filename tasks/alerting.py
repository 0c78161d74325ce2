"""Tell the staff chat."""

from datetime import datetime

from prefect import get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE

from community.database.installation import sop_now
from community.outbox.enqueue import Draft, enqueue
from community.playbook import MessageClass
from community.settings import load_settings
from tasks.storage import bundle_in_force, connection


@task(name="alert", task_run_name="tell the staff chat", cache_policy=NO_CACHE, timeout_seconds=60, retries=2)
async def alert_staff(subject: str, what: str, where: str, next_step: str) -> bool:
    """Put an alert into the outbox for the staff chat, at most once an hour for the same `subject`.

    Without a staff chat it stands in this run's artifacts and log. Returns whether a message was added.
    """
    settings = load_settings()
    text = f"# {what}\n\nWhere: {where}\n\nNext: {next_step}"
    await acreate_markdown_artifact(text, key="staff-alert", description=what)
    get_run_logger().warning("%s — %s — %s", what, where, next_step)
    if settings.staff_chat is None:
        return False
    async with connection() as conn:
        at = await sop_now(conn)
        draft = _draft(settings.staff_chat, subject, at, {"what": what, "where": where, "next": next_step})
        return await enqueue(conn, settings.bot_id, (await bundle_in_force(conn)).hash, [draft], at) == 1


def _draft(chat_id: int, subject: str, at: datetime, context: dict[str, str]) -> Draft:
    return Draft(
        chat_id=chat_id,
        stage="staff",
        step="alert",
        occurrence=f"{subject}:{at:%Y-%m-%dT%H}",
        message_class=MessageClass.support,
        due_at=at,
        template="staff/alert",
        context=context,
    )
