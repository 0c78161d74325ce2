"""Bring the Prefect server to what `prefect.yaml` and the playbook declare, read it all back, and compare.

`python -m deployments.bootstrap` may be run at any time and any number of times: what already matches is left alone,
and whether an operator paused a deployment, a schedule or an automation is theirs.
"""

import asyncio
import sys
import time
from collections.abc import Container, Iterator
from importlib import import_module
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions, WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound
from prefect.utilities.callables import parameter_schema
from prefect.workers.process import ProcessWorker

from community.bundle import load_bundle
from community.database.pool import Connection
from community.errors import PlaybookError, PrefectUnavailable, SopError
from community.outbox.bundles import Bundles, publish, went_back
from community.playbook import Playbook
from community.settings import Mode, Settings, load_settings
from deployments.declared import Declared, Deployment, Pool, Schedule, declared
from deployments.zones import remember_zones
from tasks.storage import connection
from tasks.upkeep import OURS

WAIT_S = 60.0
"""Longest wait for the server: a first start migrates its database."""


async def bootstrap(settings: Settings) -> None:
    """Publish the first playbook, wait for the server, make it match, and read it back.

    Raises PrefectUnavailable when it does not answer or does not hold what was declared.
    """
    async with connection(settings) as conn:
        playbook = await playbook_in_force(conn, settings)
    wanted = declared(playbook)
    async with get_client() as client:
        await wait_for_server(client)
        await apply(client, wanted)
        if differences := await compare(client, wanted):
            raise PrefectUnavailable(f"Prefect server {client.api_url}: not as declared: {'; '.join(differences)}")


async def playbook_in_force(conn: Connection, settings: Settings) -> Playbook:
    """The playbook in force. The folder's is published first if there is none, or when a sandbox's folder changed;
    not after `sop rollback`, which the folder knows nothing of.
    """
    try:
        in_force = await Bundles().current(conn)
    except PlaybookError:
        in_force = None
    if in_force and (settings.effective_mode is Mode.real or await went_back(conn)):
        return in_force.playbook
    folder = load_bundle(settings.playbook_dir)
    if in_force is None or in_force.hash != folder.hash:
        await publish(conn, folder, "the folder changed" if in_force else "first")
    return folder.playbook


async def wait_for_server(client: PrefectClient) -> None:
    """Return when the server answers."""
    until = time.monotonic() + WAIT_S
    while error := await client.api_healthcheck():
        if time.monotonic() > until:
            advice = "is it up and is PREFECT_API_URL right?"
            raise PrefectUnavailable(f"Prefect server {client.api_url}: {error} for {WAIT_S:.0f} s; {advice}")
        await asyncio.sleep(0.2)


async def apply(client: PrefectClient, wanted: Declared) -> None:
    """Create what is missing, change what differs, remove what is ours and no longer declared."""
    remember_zones()
    for pool in wanted.pools:
        await _apply_pool(client, pool)
    ids = {}
    for deployment in wanted.deployments:
        ids[deployment.name] = await _apply_deployment(client, deployment)
    for known in await _deployments(client):
        if known.name not in ids:
            await client.delete_deployment(known.id)
    await _apply_automations(client, _automations(wanted, ids))


async def compare(client: PrefectClient, wanted: Declared) -> list[str]:
    """What the server holds otherwise than declared, each as one phrase; empty when it matches."""
    known = {deployment.name: deployment for deployment in await _deployments(client)}
    differences = [f"deployment {name} is not declared" for name in known.keys() - {d.name for d in wanted.deployments}]
    for pool in wanted.pools:
        held = await _pool(client, pool.name)
        differences += [f"pool {pool.name}: {phrase}" for phrase in _pool_differences(pool, held)]
    for deployment in wanted.deployments:
        found = known.get(deployment.name)
        differences += [f"deployment {deployment.name}: {p}" for p in _deployment_differences(deployment, found)]
    automations = _automations(wanted, {name: deployment.id for name, deployment in known.items()})
    return differences + await _automation_differences(client, automations)


async def _apply_pool(client: PrefectClient, pool: Pool) -> None:
    held = await _pool(client, pool.name)
    fields = {"description": pool.description, "concurrency_limit": pool.concurrency_limit}
    if held is None:
        template = ProcessWorker.get_default_base_job_template()
        await client.create_work_pool(
            WorkPoolCreate(name=pool.name, type=pool.type, base_job_template=template, **fields)
        )
    elif _pool_differences(pool, held):
        await client.update_work_pool(pool.name, WorkPoolUpdate(**fields))


async def _pool(client: PrefectClient, name: str) -> WorkPool | None:
    try:
        return await client.read_work_pool(name)
    except ObjectNotFound:
        return None


def _pool_differences(pool: Pool, held: WorkPool | None) -> list[str]:
    if held is None:
        return ["missing"]
    fields = ("type", "description", "concurrency_limit")
    return [f"{name} is {getattr(held, name)!r}" for name in fields if getattr(held, name) != getattr(pool, name)]


async def _deployments(client: PrefectClient) -> list[DeploymentResponse]:
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[OURS]))
    return await client.read_deployments(deployment_filter=ours)


async def _apply_deployment(client: PrefectClient, wanted: Deployment) -> UUID:
    """Create or change a deployment. That makes its schedules anew: those an operator switched off stay off."""
    flow = _flow(wanted)
    try:
        held = await client.read_deployment_by_name(f"{flow.name}/{wanted.name}")
    except ObjectNotFound:
        held = None
    if held and not _deployment_differences(wanted, held):
        return held.id
    off = {_cron(schedule.schedule) for schedule in held.schedules if not schedule.active} if held else set()
    return await client.create_deployment(
        await client.create_flow(flow),
        wanted.name,
        entrypoint=wanted.entrypoint,
        description=wanted.description,
        tags=wanted.tags,
        parameters=wanted.parameters,
        work_pool_name=wanted.work_pool.name,
        concurrency_limit=wanted.concurrency_limit.limit,
        concurrency_options=ConcurrencyOptions(
            collision_strategy=ConcurrencyLimitStrategy(wanted.concurrency_limit.collision_strategy)
        ),
        schedules=[_schedule(schedule, off) for schedule in wanted.schedules],
        parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
        enforce_parameter_schema=True,
    )


def _flow(deployment: Deployment) -> Flow[..., Any]:
    module, _, name = deployment.entrypoint.rpartition(".")
    flow: Flow[..., Any] = getattr(import_module(module), name)
    return flow


def _schedule(schedule: Schedule, off: Container[object]) -> DeploymentScheduleCreate:
    cron = CronSchedule(cron=schedule.cron, timezone=schedule.timezone)
    return DeploymentScheduleCreate(schedule=cron, active=_cron(cron) not in off)


def _deployment_differences(wanted: Deployment, held: DeploymentResponse | None) -> list[str]:
    if held is None:
        return ["missing"]
    return [f"{what} is {is_!r}, not {to_be!r}" for what, to_be, is_ in _facts(wanted, held) if to_be != is_]


def _facts(wanted: Deployment, held: DeploymentResponse) -> Iterator[tuple[str, Any, Any]]:
    """What is declared and what is held, fact by fact."""
    schedules = [(schedule.cron, schedule.timezone) for schedule in wanted.schedules]
    yield "schedules", schedules, [_cron(schedule.schedule) for schedule in held.schedules]
    limit, options = held.global_concurrency_limit, held.concurrency_options
    yield "concurrency limit", wanted.concurrency_limit.limit, limit.limit if limit else None
    strategy = options.collision_strategy.value if options else None
    yield "collision strategy", wanted.concurrency_limit.collision_strategy, strategy
    yield "work pool", wanted.work_pool.name, held.work_pool_name
    yield "tags", sorted(wanted.tags), sorted(held.tags)
    yield "parameter form", parameter_schema(_flow(wanted)).model_dump_for_openapi(), held.parameter_openapi_schema
    for name in ("entrypoint", "description", "parameters"):
        yield name, getattr(wanted, name), getattr(held, name)


def _cron(schedule: object) -> tuple[str, str | None] | str:
    return (schedule.cron, schedule.timezone) if isinstance(schedule, CronSchedule) else str(schedule)


def _automations(wanted: Declared, ids: dict[str, UUID]) -> dict[str, AutomationCore]:
    """Declared automations by name: those of the file, and one for each trigger of a deployment."""
    automations = {automation.name: automation for automation in wanted.automations}
    for deployment in wanted.deployments:
        for trigger in deployment.triggers if deployment.name in ids else ():
            trigger.set_deployment_id(ids[deployment.name])
            automation = trigger.as_automation()
            automations[automation.name] = automation
    return automations


async def _apply_automations(client: PrefectClient, wanted: dict[str, AutomationCore]) -> None:
    seen = set()
    for held in await client.read_automations():
        if not held.name.startswith(f"{OURS}:"):
            continue
        if held.name not in wanted or held.name in seen or _essence(held) != _essence(wanted[held.name]):
            await client.delete_automation(held.id)
        else:
            seen.add(held.name)
    for name in wanted.keys() - seen:
        await client.create_automation(wanted[name])


async def _automation_differences(client: PrefectClient, wanted: dict[str, AutomationCore]) -> list[str]:
    held = {a.name: a for a in await client.read_automations() if a.name.startswith(f"{OURS}:")}
    missing = [f"automation {name!r} is missing" for name in wanted.keys() - held.keys()]
    other = [f"automation {name!r} is not declared" for name in held.keys() - wanted.keys()]
    both = wanted.keys() & held.keys()
    return missing + other + [f"automation {n!r} differs" for n in both if _essence(held[n]) != _essence(wanted[n])]


def _essence(automation: AutomationCore) -> dict[str, Any]:
    """What makes an automation what it is; whether it is enabled is the operators' affair."""
    return automation.model_dump(include={"description", "trigger", "actions"})


def main() -> None:
    """Bootstrap; one line and exit code 1 when it does not succeed."""
    try:
        asyncio.run(bootstrap(load_settings()))
    except SopError as error:
        sys.exit(f"bootstrap: {error}")


if __name__ == "__main__":
    main()
