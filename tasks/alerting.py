"""Tell the staff chat."""

from prefect import get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE

from community.database.installation import sop_now
from community.outbox.alerts import Alert, alert, tell, watch_doubtful
from community.settings import load_settings
from tasks.storage import bundle_in_force, connection


@task(name="alert", task_run_name="tell the staff chat", cache_policy=NO_CACHE, timeout_seconds=60, retries=2)
async def alert_staff(about: Alert) -> bool:
    """Count an alert, and tell staff now, unless they were told the same within the hour or had a message just now.

    Without a staff chat it stands in this run's artifacts and log, and in `sop status`. Returns whether a message left.
    """
    text = f"# {about.what}\n\nWhere: {about.where}\n\nNext: {about.next_step}"
    await acreate_markdown_artifact(text, key="staff-alert", description=about.what)
    get_run_logger().warning("%s — %s — %s", about.what, about.where, about.next_step)
    async with connection() as conn:
        await alert(conn, about, await sop_now(conn))
    return await tell_staff() > 0


async def tell_staff() -> int:
    """Look for what staff need to know of the outbox, and tell what they may be told now; subjects told."""
    settings = load_settings()
    async with connection() as conn:
        bundle, at = await bundle_in_force(conn), await sop_now(conn)
        await watch_doubtful(conn, bundle, settings.bot_id, at)
        return await tell(conn, bundle, settings.bot_id, settings.staff_chat, at)
