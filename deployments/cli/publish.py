"""`sop publish`."""

import asyncio
from functools import partial

from pydantic import SecretStr

from community.bundle import Bundle, load_bundle
from community.database.installation import sop_now
from community.errors import PlaybookError, PrefectUnavailable
from community.insight.experiments import begin, refuse_used
from community.outreach.publishing import coming, put_into_force
from community.playbook_stages import Schedule
from community.settings import load_settings
from deployments.cli.changes import changes
from deployments.cli.in_prefect import point_to_prefect
from deployments.cli.session import Session, database_url, session
from deployments.cli.version_changes import print_changes


def publish(note: str) -> None:
    """Put the playbook folder into force. Raises PlaybookError with every problem it has."""
    bundle = load_bundle(load_settings().playbook_dir.absolute())
    asyncio.run(_publish(bundle, note))


def preview() -> None:
    """Print what the playbook folder would change, for who is half-way too. Raises PlaybookError as `publish` does."""
    asyncio.run(_preview(load_bundle(load_settings().playbook_dir.absolute())))


async def _preview(bundle: Bundle) -> None:
    async with session() as s:
        former = await s.bundle()
        await refuse_used(s.conn, bundle.playbook)
        ahead = await coming(s.conn, former, bundle, await sop_now(s.conn), bot_id=s.settings.bot_id)
    print("\n".join(f"  {line}" for line in changes(former, bundle) or ["nothing changes"]))
    print_changes(ahead)


async def _publish(bundle: Bundle, note: str) -> None:
    async with session() as s:
        former = await _in_force(s)
        if former and former.hash == bundle.hash:
            print(f"{bundle.hash[:12]} is in force already: nothing changed, nothing published.")
            return
        await refuse_used(s.conn, bundle.playbook)
        at = await sop_now(s.conn)
        await put_into_force(s.conn, bundle, note, at, bot_id=s.settings.bot_id)
        await begin(s.conn, bundle.playbook, at)
        print(f"{bundle.hash} is in force within 5 seconds.")
        for line in changes(former, bundle) if former else ["the first playbook of this database"]:
            print(f"  {line}")
        if former:
            await follow_schedules(s, former, bundle)


async def follow_schedules(s: Session, former: Bundle, bundle: Bundle) -> None:
    """Bring Prefect's schedules to the bundle, if it has others than the former one; print how that went."""
    if _schedules(former) != _schedules(bundle):
        print(await reschedule(s))


def _schedules(bundle: Bundle) -> dict[str, Schedule]:
    return {name: stage.schedule for name, stage in bundle.playbook.stages.items()}


async def reschedule(s: Session) -> str:
    """Bring Prefect's schedules to the playbook in force; in words, how that went."""
    point_to_prefect(s.settings)
    from deployments.bootstrap import bootstrap  # Prefect takes seconds to import
    from deployments.runs import ask

    try:
        settings = s.settings.model_copy(update={"database_url": SecretStr(database_url(s.settings))})
        await ask(partial(bootstrap, settings))
    except PrefectUnavailable as error:
        return f"Its schedules are not in Prefect yet: {error}. They follow at the next `make up`."
    return "Prefect runs it by its new schedules from now on."


async def _in_force(s: Session) -> Bundle | None:
    """The bundle in force; None where there is none, or none that this version can read."""
    try:
        return await s.bundle()
    except PlaybookError:
        return None
