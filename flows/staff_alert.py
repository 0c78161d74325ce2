"""Tells the staff chat that a run went wrong; started by automations (see `deployments/prefect.yaml`)."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from community.outbox.alerts import Alert
from tasks.alerting import alert_staff
from tasks.reporting import name_run

WORST = 300
"""Characters of an error's message that fit into a chat message."""
OUTCOMES = {
    "Failed": ("failed", "read its log; the next scheduled run tries again, and nothing is sent twice"),
    "TimedOut": ("took too long and was stopped", "read its log; the next scheduled run tries again"),
    "Crashed": (
        "stopped in the middle: its process is gone",
        "nothing is lost, the next run takes over; if it happens again, look at the worker's log",
    ),
}


@flow(name="staff-alert", flow_run_name="staff-alert · {flow} {state}")
async def staff_alert(flow: str, run: str, run_id: str, state: str, message: str = "") -> State[Any]:
    """Say in the staff chat what went wrong.

    Args:
        flow: Name of the flow that went wrong.
        run: Name of its run.
        run_id: Id of its run, for the address in the Prefect UI.
        state: The run's final state: Failed, TimedOut or Crashed.
        message: What the state says.
    """
    happened, next_step = OUTCOMES.get(state, (f"ended as {state}", "read its log"))
    where = f"{run} ({run_id})" + (f": {message[:WORST]}" if message else "")
    told = await alert_staff(Alert(f"run-{flow}-{state}", f"{flow}: a run {happened}", where, next_step))
    outcome = "told" if told else "noted here, counted for the next message (or no staff chat)"
    await name_run("staff-alert", flow, state.lower(), outcome)
    return Completed(message=outcome)
