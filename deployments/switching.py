"""A stage's schedule in Prefect, switched on and off as the switch in its UI does."""

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags

from community.errors import PrefectUnavailable
from tasks.upkeep import OURS, STAGE_TAG


async def switch(stage: str, on: bool) -> None:
    """Switch the schedules of the stage's deployment. Raises PrefectUnavailable when the server has none."""
    tagged = DeploymentFilter(tags=DeploymentFilterTags(all_=[OURS, f"{STAGE_TAG}{stage}"]))
    async with get_client() as client:
        found = await client.read_deployments(deployment_filter=tagged)
        for deployment in found:
            if on and deployment.paused:
                await client.resume_deployment(deployment.id)
            for schedule in deployment.schedules:
                if schedule.active is not on:
                    await client.update_deployment_schedule(deployment.id, schedule.id, active=on)
    if not found:
        remedy = "python -m deployments.bootstrap"
        raise PrefectUnavailable(f"Prefect server: it holds no deployment of the stage {stage}; {remedy}")
