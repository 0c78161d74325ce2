"""Who is in a group of members and holds nothing for it any more: listed, and removed where the playbook says so."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.access import Begun, find_ended, follow_removals, remove, report_removals
from tasks.messaging import logical_date
from tasks.reporting import local, name_run
from tasks.storage import bundle_in_force, connection


@flow(name="access-expiry", flow_run_name="access-expiry · under way")
async def access_expiry(dry: bool = False, only_approved: bool = False) -> State[Any]:
    """List whose access is over, check each again, remove, tell them the way back, report.

    Args:
        dry: List only, whatever the playbook says: nobody is asked, told or removed, and no link is closed.
        only_approved: Remove those alone to whom somebody agreed, and ask about nobody: what an approval begins.
    """
    async with connection() as conn:
        playbook, at = (await bundle_in_force(conn)).playbook, await logical_date(conn)
    removes, zone = playbook.access.remove and not dry, playbook.community.zone
    found = await find_ended(dry, only_approved)
    begun = await remove(found.now) if removes else Begun()
    states = await follow_removals(begun.begun) if begun.begun else {}
    await report_removals(found, zone, removes)
    numbers = {
        "removed": states.get("removed", 0),
        "on their way": states.get("waiting", 0),
        "spared": begun.spared + states.get("kept", 0),
        "could not be removed": states.get("failed", 0),
        "put off": states.get("proposed", 0) + states.get("approved", 0),
        "not answered for by Telegram": begun.unknown,
        "wait for approval": len(found.asked) if removes else 0,
        "listed, none removed": len(found.listed) if not removes else 0,
    }
    outcome = [f"{number:,} {word}" for word, number in numbers.items() if number] or ["nobody to remove"]
    await name_run("access-expiry", local(at, zone), *outcome)
    return Completed(message=", ".join(outcome))
