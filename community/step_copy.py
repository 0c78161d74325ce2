"""Which copy the steps of the stages need: one each, or what the variants of their experiment are told in."""

from community.playbook import Playbook
from community.playbook_stages import template_name


def copy_of_steps(playbook: Playbook) -> dict[str, str]:
    """Every copy of a stage → the copy that its step has without an experiment."""
    return {
        template_name(name, row.words): template_name(name, step.name)
        for name, stage in playbook.stages.items()
        for step in stage.steps
        for row in step.rows()
    }


def told_as(playbook: Playbook | None, template: str) -> str:
    """The copy that is given the same as this one: of a variant's the step's own."""
    return copy_of_steps(playbook).get(template, template) if playbook else template
