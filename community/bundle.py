"""A bundle: the playbook and all message copy as one version, known by its hash."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from community.check import read_sources
from community.errors import PlaybookError
from community.playbook import Playbook


@dataclass(frozen=True, repr=False)
class Bundle:
    """One version of the SOP. `source`: the playbook as written; `copy`: each file's text by locale, then name."""

    source: Mapping[str, Any]
    copy: Mapping[str, Mapping[str, str]]

    def __repr__(self) -> str:
        """Its hash: who prints a bundle does not want all words there are."""
        return f"Bundle({self.hash[:12]})"

    @cached_property
    def playbook(self) -> Playbook:
        """The playbook, typed."""
        return Playbook.model_validate(self.source)

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of the canonical JSON: same content, same hash, in whatever order it was written."""
        canonical = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return sha256(canonical.encode()).hexdigest()

    def copy_source(self, template: str, locale: str) -> str | None:
        """The copy `template` in `locale`, else in the community's locale; None when there is neither."""
        default = self.playbook.community.locale
        own = self.copy.get(locale, {}).get(template)
        return self.copy.get(default, {}).get(template) if own is None else own

    def to_json(self) -> dict[str, Any]:
        """All there is, for storage."""
        return {"playbook": dict(self.source), "copy": {locale: dict(files) for locale, files in self.copy.items()}}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """A stored bundle. Raises PlaybookError when this version of the program cannot read it."""
        try:
            bundle = cls(stored["playbook"], stored["copy"])
            _ = bundle.playbook
        except (KeyError, ValidationError) as error:
            raise PlaybookError(f"the stored bundle is not readable ({error}); publish the playbook again") from None
        return bundle


def load_bundle(folder: Path) -> Bundle:
    """Read `playbook.yaml` and `copy/` under `folder`.

    Raises PlaybookError listing every problem as `file:line: what; what to do`, one a line.
    """
    sources = read_sources(folder)
    if sources.problems:
        raise PlaybookError("\n".join(map(str, sources.problems)))
    return Bundle(sources.playbook, sources.copy)
