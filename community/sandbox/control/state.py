"""The whole world as a file, and a file as the world."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from community.sandbox import state
from community.sandbox.control.registry import JSON, route
from community.sandbox.world import World


@route("GET", "state")
def save(world: World, asked: Any) -> Response:
    """A file to keep. The sandbox stands still while it is written."""
    name = {"content-disposition": 'attachment; filename="telegram-sandbox.state"'}
    return Response(state.save(world), media_type="application/x-ndjson", headers=name)


@route("POST", "state", raw=True)
async def load(world: World, asked: bytes) -> JSON:
    """All is as it was when the file was saved; a file that cannot be used changes nothing."""
    await state.load(world, asked)
    return {}
