"""What the SOP teaches, once a day: looks at each A/B test under way, proposes what is settled; holdouts, versions."""

from datetime import datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.experiments import look_at_experiments
from tasks.learning import look_at_learning
from tasks.messaging import logical_date
from tasks.reporting import local, name_run
from tasks.storage import bundle_in_force, connection
from tasks.words import count


@flow(name="experiments", flow_run_name="experiments · under way")
async def experiments(as_of: datetime | None = None) -> State[Any]:
    """Look at every experiment, tell staff what is new. Looking again tells nothing twice.

    Then at what holdouts and versions say, for the dashboard and the weekly report; not as of a day that is over.

    Args:
        as_of: Moment to look at; empty: the time this run was scheduled for.
    """
    async with connection() as conn:
        zone = (await bundle_in_force(conn)).playbook.community.zone
        at = as_of or await logical_date(conn)
    looks = await look_at_experiments(at)
    worse = await look_at_learning(at, past=as_of is not None)
    news = [each.experiment.key for each in looks if each.news]
    outcome = f"{count(len(looks), 'experiment')} under way" + (f"; told of {', '.join(news)}" if news else "")
    outcome += f"; version {worse} does worse" if worse else ""
    await name_run("experiments", local(at, zone), outcome)
    return Completed(message=outcome)
