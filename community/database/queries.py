"""Named queries: SQL lives in `.sql` files, each statement under a `-- name: verb_noun` line."""

import re
from pathlib import Path
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


class Queries:
    """The statements of one `.sql` file as attributes, ready for `conn.execute(queries.name, {...})`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        parts = _NAME.split(path.read_text(encoding="utf-8"))
        self._statements = dict(zip(parts[1::2], parts[2::2], strict=True))

    @property
    def names(self) -> list[str]:
        """The statements' names, in the order of the file."""
        return list(self._statements)

    def __getattr__(self, name: str) -> LiteralString:
        """The statement called `name`; AttributeError names the file and what it does have."""
        try:
            return cast(LiteralString, self._statements[name])
        except KeyError:
            known = ", ".join(sorted(self._statements))
            raise AttributeError(f"{self.path}: no query named {name}; it has {known}") from None

    def fill(self, name: str, **fragments: str) -> LiteralString:
        """The statement `name` with each `{{fragment}}` replaced by SQL text of our own (never by a value)."""
        text = getattr(self, name)
        for key, fragment in fragments.items():
            text = text.replace("{{" + key + "}}", fragment)
        return cast(LiteralString, text)


def load(module_file: str, name: str = "queries.sql") -> Queries:
    """The queries beside a module: `queries = load(__file__)`."""
    return Queries(Path(module_file).with_name(name))
