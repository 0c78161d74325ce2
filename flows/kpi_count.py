"""Counts what happened by days, and the KPIs by day, week and month; once an hour, and anew what came late."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.insight import count_late, counted_words, report_counted
from tasks.messaging import logical_date
from tasks.reporting import local, name_run
from tasks.storage import bundle_in_force, connection


@flow(name="kpi-count", flow_run_name="kpi-count · under way")
async def kpi_count() -> State[Any]:
    """Count until nothing is late, or the time is up; report. Running it again changes nothing that has not changed."""
    async with connection() as conn:
        zone, at = (await bundle_in_force(conn)).playbook.community.zone, await logical_date(conn)
    counted = await count_late()
    await report_counted(counted)
    outcome = counted_words(counted)
    await name_run("kpi-count", local(at, zone), *outcome)
    return Completed(message=", ".join(outcome))
