"""`sop publish`."""

import asyncio

from community.bundle import Bundle, load_bundle
from community.errors import PlaybookError
from community.outbox.bundles import publish as put_into_force
from community.settings import load_settings
from deployments.cli.changes import changes
from deployments.cli.session import Session, session


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
        await put_into_force(s.conn, bundle, note)
    print(f"{bundle.hash} is in force within 5 seconds.")
    for line in changes(former, bundle) if former else ["the first playbook of this database"]:
        print(f"  {line}")


async def _in_force(s: Session) -> Bundle | None:
    """The bundle in force; None where there is none, or none that this version can read."""
    try:
        return await s.bundle()
    except PlaybookError:
        return None
