"""What staff are to do in person: for members who pay, who left without a word, who were active."""

from datetime import datetime

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from community.insight.feedback import open_tasks as open_feedback
from community.outreach.care import open_tasks
from community.settings import load_settings
from tasks.messaging import logical_date
from tasks.storage import bundle_in_force, connection
from tasks.words import count, task_words


@task(
    name="tasks",
    task_run_name="open tasks for staff",
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=[1, 5, 15],
    timeout_seconds=300,
)
async def open_staff_tasks(as_of: datetime | None) -> dict[str, int]:
    """Open what is due at `as_of` (default: when the run was scheduled), and tell the staff chat; how many by kind."""
    settings = load_settings()
    async with connection() as conn:
        bundle, at = await bundle_in_force(conn), as_of or await logical_date(conn)
        staff_chat, bot_id = settings.staff_chat, settings.bot_id
        opened = await open_tasks(conn, bundle, at, staff_chat=staff_chat, bot_id=bot_id)
        opened |= await open_feedback(conn, bundle, at, staff_chat=staff_chat, bot_id=bot_id)
    what = ", ".join(f"{task_words(kind)} {number:,}" for kind, number in opened.items())
    get_run_logger().info("%s for staff%s", count(sum(opened.values()), "new task"), f": {what}" if what else "")
    return opened
