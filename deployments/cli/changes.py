"""What a new bundle changes, in lines for its publisher."""

from collections.abc import Iterator, Mapping
from typing import Any

from community.bundle import Bundle
from community.playbook_stages import Stage


def changes(old: Bundle, new: Bundle) -> list[str]:
    """One line a change: stages, steps, other parts of the playbook, copy files."""
    return [*_stages(old.playbook.stages, new.playbook.stages), *_parts(old, new), *_copy(old, new)]


def _stages(old: Mapping[str, Stage], new: Mapping[str, Stage]) -> Iterator[str]:
    yield from _added_and_removed("stage", old, new)
    for name in sorted(old.keys() & new.keys()):
        before, after = old[name], new[name]
        if before.enabled != after.enabled:
            yield f"stage {name}: switched {'on' if after.enabled else 'off; what waits of it is held back'}"
        steps = {step.name: step for step in before.steps}, {step.name: step for step in after.steps}
        yield from _compared(f"{name}: step", *steps)
        for key in sorted(set(Stage.model_fields) - {"enabled", "steps"}):
            if getattr(before, key) != getattr(after, key):
                yield f"{name}: {Stage.model_fields[key].alias or key} changed"


def _parts(old: Bundle, new: Bundle) -> Iterator[str]:
    for key in sorted(type(new.playbook).model_fields.keys() - {"stages"}):
        if getattr(old.playbook, key) != getattr(new.playbook, key):
            yield f"{key} changed"


def _copy(old: Bundle, new: Bundle) -> Iterator[str]:
    yield from _compared("copy", _files(old), _files(new))


def _files(bundle: Bundle) -> dict[str, str]:
    return {f"{locale}/{name}": text for locale, files in bundle.copy.items() for name, text in files.items()}


def _compared(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    yield from _added_and_removed(what, old, new)
    for name in sorted(old.keys() & new.keys()):
        if old[name] != new[name]:
            yield f"{what} {name} changed"


def _added_and_removed(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(new.keys() - old.keys()):
        yield f"{what} {name} added"
    for name in sorted(old.keys() - new.keys()):
        yield f"{what} {name} removed"
