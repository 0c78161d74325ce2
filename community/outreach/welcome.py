"""The welcome a person waits for: planned in the transaction that admits them, by the same audience and guardrails."""

from datetime import datetime

from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.outreach.plan import plan_steps

queries = load(__file__)
STAGE = "welcome_drip"


async def welcome_now(conn: Connection, bundle: Bundle, member_id: int, at: datetime, *, bot_id: int) -> int:
    """Plan the drip's exempt steps for one member, and leave a trigger for the run that shows it in Prefect.

    Returns the number of messages added. Exempt steps neither read nor use the cap, so this does not wait for a
    planner that is at work on a million others.
    """
    stage = bundle.playbook.stage(STAGE)
    exempt = [step for step in stage.steps if step.exempt]
    async with transaction(conn):
        await conn.execute(queries.trigger, {"stage": STAGE, "member_id": member_id, "at": at})
        if not stage.enabled:
            return 0
        return (await plan_steps(conn, bundle, STAGE, exempt, at, bot_id=bot_id, members=[member_id])).send
