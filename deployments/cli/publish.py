"""`sop publish`."""

import asyncio
from functools import partial

from pydantic import SecretStr

from community.bundle import Bundle, load_bundle
from community.database.installation import sop_now
from community.errors import PlaybookError, PrefectUnavailable
from community.insight.experiments import begin, refuse_used
from community.outbox.bundles import publish as put_into_force
from community.playbook_stages import Schedule
from community.settings import load_settings
from deployments.cli.changes import changes
from deployments.cli.in_prefect import point_to_prefect
from deployments.cli.session import Session, database_url, session


def publish(note: str) -> None:
    """Put the playbook folder into force. Raises PlaybookError with every problem it has."""
    bundle = load_bundle(load_settings().playbook_dir.absolute())
    asyncio.run(_publish(bundle, note))


async def _publish(bundle: Bundle, note: str) -> None:
    async with session() as s:
        former = await _in_force(s)
        if former and former.hash == bundle.hash:
            print(f"{bundle.hash[:12]} is in force already: nothing changed, nothing published.")
            return
        await refuse_used(s.conn, bundle.playbook)
        await put_into_force(s.conn, bundle, note)
        await begin(s.conn, bundle.playbook, await sop_now(s.conn))
        print(f"{bundle.hash} is in force within 5 seconds.")
        for line in changes(former, bundle) if former else ["the first playbook of this database"]:
            print(f"  {line}")
        if former and _schedules(former) != _schedules(bundle):
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
