"""What Prefect is to run, read from `prefect.yaml` and, for the schedules of stages, from the playbook in force."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from prefect.events.schemas.automations import AutomationCore
from prefect.events.schemas.deployment_triggers import DeploymentEventTrigger
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from community.errors import PlaybookError
from community.playbook import Playbook
from tasks.upkeep import stage_of

FILE = Path(__file__).with_name("prefect.yaml")
COMMUNITY = "community"
"""As a schedule's timezone: the community's."""


def unfolded(markdown: str) -> str:
    """Paragraphs and list items on one line each: the UI shows every line as a paragraph of its own."""
    return re.sub(r"(?<=\S)\n[ \t]*(?!\* )(?=\S)", " ", markdown)


Prose = Annotated[str, AfterValidator(unfolded)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Pool(_Entry):
    """A work pool."""

    name: str
    type: str
    description: Prose
    concurrency_limit: int


class PoolName(_Entry):
    """The pool whose worker runs a deployment."""

    name: str


class Limit(_Entry):
    """How many runs at once, and what becomes of one too many."""

    limit: int
    collision_strategy: Literal["ENQUEUE", "CANCEL_NEW"]


class Schedule(_Entry):
    """When runs start; cron read in an IANA zone, or in the community's."""

    cron: str
    timezone: str


class Deployment(_Entry):
    """One deployment; the entrypoint is the dotted path of its flow."""

    name: str
    entrypoint: str
    description: Prose
    tags: list[str]
    work_pool: PoolName
    concurrency_limit: Limit
    parameters: dict[str, Any] = {}
    schedules: list[Schedule] = []
    triggers: list[DeploymentEventTrigger] = []

    @property
    def stage(self) -> str | None:
        """The stage of the playbook this deployment runs, if any."""
        return stage_of(self.tags)


class Declared(_Entry):
    """All that the server is to hold of ours."""

    name: str
    definitions: dict[str, Any] = Field(default={}, exclude=True)
    pools: list[Pool]
    deployments: list[Deployment]
    automations: list[AutomationCore]


def declared(playbook: Playbook, file: Path = FILE) -> Declared:
    """Read the file and fill in the playbook's schedules.

    Raises PlaybookError naming what is wrong in the file, UnknownStage for a stage the playbook does not have.
    """
    try:
        everything = Declared.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError) as error:
        raise PlaybookError(f"{file.name}: {error}") from None
    for deployment in everything.deployments:
        if deployment.stage:
            deployment.schedules = [_from_playbook(playbook, deployment.stage)]
        for schedule in deployment.schedules:
            if schedule.timezone == COMMUNITY:
                schedule.timezone = playbook.community.zone
    return everything


def _from_playbook(playbook: Playbook, stage: str) -> Schedule:
    schedule = playbook.stage(stage).schedule
    return Schedule(cron=schedule.cron, timezone=schedule.zone)
