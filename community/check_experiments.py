"""The check of experiments: what would leave members without a variant, or a comparison without a meaning."""

from collections import Counter
from collections.abc import Iterator

from community.playbook import Playbook
from community.playbook_experiments import Experiment
from community.playbook_stages import Step

Found = tuple[tuple[str | int, ...], str]
"""Where in the playbook, and what is wrong there."""
PAGE = "page_"
"""How the keys of comparisons of the plans' page begin."""


def experiment_problems(playbook: Playbook) -> Iterator[Found]:
    """Experiments that cannot be told apart, or whose variants cannot be sent."""
    places = list(_experiments(playbook))
    keys = Counter(experiment.key for _, _, experiment in places)
    for where, step, experiment in places:
        if keys[experiment.key] > 1:
            yield (*where, "key"), f"key {experiment.key} is another experiment's too; each must be different"
        if experiment.key.startswith(PAGE):
            yield (*where, "key"), f"key {experiment.key}: {PAGE}… is kept for the plans' page; name it otherwise"
        yield from (((*where, *path), what) for path, what in _of_variants(experiment, step))
        for index, variant in enumerate(experiment.variants):
            if variant.offer and variant.offer not in playbook.offers:
                known = ", ".join(playbook.offers) or "none"
                yield (
                    (*where, "variants", index, "offer"),
                    f"offer {variant.offer} is not in the playbook; known: {known}",
                )


def _experiments(playbook: Playbook) -> Iterator[tuple[tuple[str | int, ...], Step, Experiment]]:
    for name, stage in playbook.stages.items():
        for index, step in enumerate(stage.steps):
            if step.experiment:
                yield ("stages", name, "steps", index, "experiment"), step, step.experiment


def _of_variants(experiment: Experiment, step: Step) -> Iterator[Found]:
    hundredths = [round(variant.share * 100) for variant in experiment.variants]
    if sum(hundredths) != 10_000 or any(
        abs(v.share * 100 - h) > 1e-6 for v, h in zip(experiment.variants, hundredths, strict=True)
    ):
        total = sum(variant.share for variant in experiment.variants)
        yield ("variants",), f"the shares make {total:g}%; make them 100%, in hundredths at the finest"
    names = Counter(variant.name for variant in experiment.variants)
    ways: dict[tuple[object, ...], str] = {}
    for index, (variant, row) in enumerate(zip(experiment.variants, step.rows(), strict=True)):
        where = ("variants", index)
        if not hundredths[index]:
            yield (*where, "share"), f"{variant.name} is for nobody; give it a share, or remove it"
        if names[variant.name] > 1:
            yield (*where, "name"), f"name {variant.name} is used {names[variant.name]} times; each must be different"
        if variant.at and step.at is None:
            yield (*where, "at"), "the step has no time of day that could be another; remove it"
        same = ways.setdefault((row.words, row.planned.at, row.planned.offer), variant.name)
        if same != variant.name:
            yield where, f"{variant.name} is the same as {same}; give it another copy, at or offer"
