"""A client that costs next to nothing, so that a row measures the server: raw requests over kept connections."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit


def request(path: str, body: bytes, kind: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: t\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def exchange(api: str, requests: list[bytes], connections: int) -> list[bytes]:
    """Send all requests, one after the other on each connection; answers in the order of the requests."""
    answers: list[bytes] = [b""] * len(requests)
    waiting = iter(enumerate(requests))
    await asyncio.gather(*(_carry(api, waiting, answers) for _ in range(connections)))
    return answers


async def _carry(api: str, waiting: Iterator[tuple[int, bytes]], answers: list[bytes]) -> None:
    parts = urlsplit(api)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    for place, sent in waiting:
        writer.write(sent)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        answers[place] = await reader.readexactly(length)
    writer.close()
    await writer.wait_closed()
