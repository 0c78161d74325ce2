"""Keeping the whole sandbox in a file."""

from __future__ import annotations

from pathlib import Path

from community.sandbox.atomic import write
from community.sandbox.client.connection import Connection


class State(Connection):
    """Saving and loading."""

    async def save(self, path: str | Path) -> None:
        """Everything there is, in a file that takes the place of an older one only when it is whole."""
        write(Path(path), await self.download("state"))

    async def load(self, path: str | Path) -> None:
        """As it was when saved. Raises SandboxError for a file that cannot be used; then nothing has changed."""
        await self.ask("POST", "state", Path(path).read_bytes())  # noqa: ASYNC240 - read once, before anything waits
