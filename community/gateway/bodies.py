"""The body of a delivery, never read further than allowed."""

from starlette.requests import Request

MOST_BYTES = 1_048_576


class TooLarge(Exception):
    """The body is longer than any delivery that is meant well."""


async def read_body(request: Request) -> bytes:
    """The body, whatever its length is said to be.

    Raises TooLarge, or ClientDisconnect when it does not come whole.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise TooLarge
    return bytes(body)
