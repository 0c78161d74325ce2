"""Payments: who has paid holds access within a second, by the always-on service; this shows it, and sweeps behind."""

from datetime import datetime, timedelta
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.events import happened
from tasks.messaging import logical_date
from tasks.payments import (
    paid,
    paid_headline,
    report_payments,
    sweep_payments,
    swept_headline,
    waiting_payments,
)
from tasks.reporting import local, name_run
from tasks.storage import bundle_in_force, connection
from tasks.words import count

STAGE = "payment_access"


@flow(name="payment-access", flow_run_name="payment-access · under way")
async def payment_access(
    as_of: datetime | None = None, members: list[int] | None = None, since: datetime | None = None
) -> State[Any]:
    """Show what was paid and given; without members sweep: settle, close orders, send what is owed.

    Args:
        as_of: Until when to look; empty: the time this run was scheduled for.
        members: Member numbers whose payments to show. Runs started by payments name them; empty: sweep.
        since: From when on to look; empty: a day before.
    """
    async with connection() as conn:
        zone = (await bundle_in_force(conn)).playbook.community.zone
        at = as_of or await logical_date(conn)
    if members is None:
        swept, rows = await sweep_payments(), await waiting_payments()
        who, outcome = "", swept_headline(swept, rows)
    else:
        rows = await paid(members, since or at - timedelta(days=1), at)
        who, outcome = count(len(members), "member"), paid_headline(rows)
        happened("paid", STAGE, payments=len(rows), members=len(members))
    if rows:
        await report_payments(rows)
    await name_run("payment-access", local(at, zone), who, *outcome)
    return Completed(message=" · ".join(outcome))
