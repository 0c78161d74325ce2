"""Retention, once a day: removes what the playbook no longer keeps, and says what it was."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.messaging import logical_date
from tasks.reporting import local, name_run
from tasks.retention import (
    DROPPED,
    Removed,
    drop_old_months,
    forget_member_days,
    forget_words,
    removed_words,
    report_removed,
)
from tasks.storage import bundle_in_force, connection


@flow(name="retention", flow_run_name="retention · under way")
async def retention() -> State[Any]:
    """Drop old months, forget old words, report. Running it again removes nothing more."""
    async with connection() as conn:
        playbook, at = (await bundle_in_force(conn)).playbook, await logical_date(conn)
    months = {table: await drop_old_months(table, playbook.retention, at) for table in DROPPED}
    removed = Removed(months, *await forget_words(playbook.retention), await forget_member_days(playbook, at))
    await report_removed(removed, playbook.retention)
    outcome = removed_words(removed)
    await name_run("retention", local(at, playbook.community.zone), *outcome)
    return Completed(message=", ".join(outcome))
