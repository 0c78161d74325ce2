"""Whether what members hold, what the ledger says and who is in the groups fit together; what does not is repaired."""

from collections import Counter
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from community.payments.reconciliation import Kind
from tasks.messaging import logical_date
from tasks.reconciling import ask_memberships, compare, mend, report_findings
from tasks.reporting import local, name_run
from tasks.storage import bundle_in_force, connection
from tasks.words import finding_words


@flow(name="access-reconciliation", flow_run_name="access-reconciliation · under way")
async def access_reconciliation(repair: list[Kind] | None = None) -> State[Any]:
    """Ask Telegram about those in question, compare, repair what was asked for, list the rest.

    Args:
        repair: Kinds to repair at once: outside (send the way in), unpaid (list for removal), ledger and uneven
            (settle again); empty: only list.
    """
    async with connection() as conn:
        zone, at = (await bundle_in_force(conn)).playbook.community.zone, await logical_date(conn)
    asked, found = await ask_memberships(), await compare()
    done = await mend(found, repair) if repair else {}
    await report_findings(found, asked)
    counts = Counter(each.kind for each in found)
    outcome = [
        *(finding_words(number, kind) for kind, number in counts.items()),
        *(f"{number:,} {kind.value} repaired" for kind, number in done.items()),
        *([f"{asked.corrected:,} put right"] if asked.corrected else []),
    ] or ["all fits"]
    await name_run("access-reconciliation", local(at, zone), *outcome)
    return Completed(message=", ".join(outcome))
