"""The other way round: the always-on service notices that Prefect runs nothing."""

from datetime import UTC, datetime, timedelta

from community.database.installation import last_beat
from community.database.pool import Connection
from community.outbox.alerts import Alert, alert
from tasks.storage import DELIVERY

SILENT = timedelta(minutes=10)
"""`delivery` runs every minute; after this long without one something is wrong."""


async def watch_prefect(conn: Connection, since_wall: datetime, at: datetime) -> None:
    """Alert when no `delivery` run began for ten minutes, of which we were here (`since_wall`) for all."""
    beat_wall = await last_beat(conn, DELIVERY)
    silent = datetime.now(UTC) - max(since_wall, beat_wall or since_wall)
    if silent > SILENT:
        last = f"the last one began {beat_wall:%Y-%m-%d %H:%M} UTC" if beat_wall else "none within a day"
        about = Alert(
            "prefect-away",
            "Prefect runs nothing: no delivery run for more than ten minutes",
            f"{last}; members are still served, scheduled stages are not",
            "look whether the Prefect server and a worker of the pool `sop` run, and whether delivery is switched on",
            lasting=True,
        )
        await alert(conn, about, at)
