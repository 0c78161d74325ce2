"""The sweep, every minute: keeps the outbox moving, reports on it, and sends when the always-on service is away."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from community.database.installation import beat
from community.outbox.alerts import Alert
from tasks.alerting import alert_staff, tell_staff
from tasks.messaging import logical_date
from tasks.reporting import local, name_run
from tasks.resuming import settle_proposals
from tasks.storage import DELIVERY, bundle_in_force, connection, service_alive
from tasks.upkeep import mirror_pauses, queue_headline, report_queue, send_for_service, sweep_groups, sweep_outbox
from tasks.zombies import end_zombies

SERVICE_AWAY = Alert(
    "service-away",
    "The always-on service is not running",
    "messages are sent by the delivery run once a minute, joins wait",
    "start it again (make up, or the service's container) and look at its log",
    lasting=True,
)


@flow(name="delivery", flow_run_name="delivery · under way")
async def delivery() -> State[Any]:
    """Sweep, mirror pauses, send if nobody else does, tell staff, end runs that hang, report."""
    async with connection() as conn:
        zone = (await bundle_in_force(conn)).playbook.community.zone
        at, service = await logical_date(conn), await service_alive(conn)
        await beat(conn, DELIVERY, DELIVERY)
    paused = await mirror_pauses()
    swept = await sweep_outbox()
    groups = await sweep_groups()
    if service:
        await tell_staff()
    else:
        await alert_staff(SERVICE_AWAY)
        await settle_proposals()
        await send_for_service()
    await end_zombies()
    queue = await report_queue(swept, groups, service)
    outcome = queue_headline(queue, swept, groups, paused, service)
    await name_run("delivery", local(at, zone), *outcome)
    return Completed(message=", ".join(outcome))
