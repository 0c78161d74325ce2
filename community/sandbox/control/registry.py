"""Routes of the control interface by verb and path, and how an answer is made of what a route returns or refuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from community.sandbox.actions.registry import explained
from community.sandbox.errors import Refused
from community.sandbox.world import World

JSON = dict[str, Any]
Handler = Callable[[World, Any], Any]
H = TypeVar("H", bound=Handler)

Number = Annotated[int, Field(ge=-(2**52), le=2**52)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
ChatRef = Annotated[int | str, BeforeValidator(lambda value: int(value) if _numeric(value) else value)]
"""A number or a username; numbers come as text from a query string."""
Moment = Annotated[float, Field(ge=0, le=4e9, allow_inf_nan=False)]


BODY_LIMIT = 52_428_800
"""Bytes: 50 MB, as for bots."""


class TooLarge(Refused):
    """A body beyond the limit."""


class Asked(BaseModel):
    """What a route accepts."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


def _numeric(value: Any) -> bool:
    return isinstance(value, str) and len(value) < 20 and value.removeprefix("-").isdecimal()


ROUTES: list[tuple[str, str, Handler]] = []
LARGEST_FILE = 2**30
"""Bytes that a state may have when it is sent over HTTP."""
RAW: set[tuple[str, str]] = set()


def route(verb: str, path: str, *, raw: bool = False) -> Callable[[H], H]:
    """Register a handler; what it returns is the answer's `result`, or the whole answer when it is a Response.

    A GET hands it its query as a dict, the others their JSON body; `raw` ones get the bytes of the body.
    """

    def register(handler: H) -> H:
        ROUTES.append((verb, path, handler))
        if raw:
            RAW.add((verb, path))
        return handler

    return register


def control_app(world: World) -> Starlette:
    """All control routes over one world."""
    routes = [
        Route(f"/control/{path}", _endpoint(world, handler, raw=(verb, path) in RAW), methods=[verb])
        for verb, path, handler in ROUTES
    ]
    return Starlette(routes=routes)


def _endpoint(world: World, handler: Handler, *, raw: bool) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            asked = (
                dict(request.query_params)
                if request.method == "GET"
                else await _read(request, LARGEST_FILE if raw else BODY_LIMIT)
            )
            result = handler(world, asked if raw or isinstance(asked, dict) else _body(asked))
            if isinstance(result, Awaitable):
                result = await result
            return result if isinstance(result, Response) else _json({"ok": True, "result": result})
        except ValidationError as error:
            return _json({"ok": False, "error": explained(error)}, 422)
        except TooLarge as error:
            return _json({"ok": False, "error": str(error)}, 413)
        except Refused as error:
            return _json({"ok": False, "error": str(error)}, 400)

    return endpoint


async def _read(request: Request, most: int) -> bytes:
    """The whole body, of at most so many bytes. Raises TooLarge as soon as it is known to be."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise TooLarge(f"the body is larger than {most} bytes")
        parts.append(part)
    return b"".join(parts)


def _body(body: bytes) -> Any:
    try:
        return orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise Refused(f"the body is not JSON: {error}") from None


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


def entries(asked: Any) -> list[Any]:
    if not isinstance(asked, list):
        raise Refused("a JSON list is expected")
    return asked


def each(asked: Any, create: Callable[[Any], JSON]) -> list[JSON]:
    """Results in order; a bad entry gets its own error and does not stop the others."""
    results: list[JSON] = []
    for entry in entries(asked):
        try:
            results.append({"ok": True} | create(entry))
        except ValidationError as error:
            results.append({"ok": False, "error": explained(error)})
        except Refused as error:
            results.append({"ok": False, "error": str(error)})
    return results
