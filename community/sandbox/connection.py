"""Cutting a connection without an answer. ASGI has no word for it, so this reaches for uvicorn's transport."""

from __future__ import annotations

import socket
import struct
from typing import Any

_LINGER_OFF = struct.pack("ii", 1, 0)


async def cut(receive: Any, *, reset: bool) -> None:
    """Close the caller's connection; `reset` makes the peer see ECONNRESET instead of an orderly end."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        raise RuntimeError("faults that cut connections need uvicorn")
    if reset:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
