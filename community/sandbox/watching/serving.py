"""The page's own files, and the files in messages: nothing that a browser would take for a page of this host."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from community.sandbox.world import World

HERE = Path(__file__).parents[1] / "page"
STYLES = (
    "colours", "base", "layout", "lists", "people", "conversation", "topics", "welcome", "bubble", "text",
    "content", "cards", "composer", "keyboards", "panels", "floating", "dialogs", "switches", "botview",
)  # fmt: skip
"""The parts of `style/all.css`, in order: one request instead of many."""
MODULES = b"<!-- modules -->"
"""Where the page names its modules, so that a browser asks for all at once and not import by import."""
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
SHOWN = frozenset(
    [
        "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp", "video/mp4", "video/webm",
        "video/quicktime", "audio/ogg", "audio/mpeg", "audio/mp4", "audio/wav", "audio/x-wav", "audio/webm",
        "audio/opus", "audio/flac", "audio/aac",
    ]
)  # fmt: skip
"""Types a message's file is shown as; any other is only to be saved."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
Headers = list[tuple[bytes, bytes]]
ALWAYS: Headers = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]
Answer = tuple[int, Headers, bytes]


def answer(world: World, path: str) -> Answer:
    """Status, headers and body for ``/``, ``/page/<file>`` or ``/page/file/<unique id>``."""
    if path == "/":
        return _own("index.html")
    name = path.removeprefix("/page/")
    if name.startswith("file/"):
        return _stored(world, name.removeprefix("file/"))
    return _own(name)


def _own(name: str) -> Answer:
    path = HERE / name
    if name == "style/all.css":
        body = b"".join((HERE / "style" / f"{part}.css").read_bytes() for part in STYLES)
    elif name not in _names() or not path.is_file():
        return _text(404, "Not Found")
    else:
        body = path.read_bytes()
    if name == "index.html":
        body = body.replace(MODULES, _modules())
    kind = TYPES[path.suffix].encode()
    return 200, [*ALWAYS, (b"content-type", kind), (b"cache-control", b"no-cache")], body


def _modules() -> bytes:
    names = sorted(name for name in _names() if name.endswith(".js"))
    return "\n".join(f'<link rel="modulepreload" href="/page/{name}">' for name in names).encode()


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    """The only files there are to serve."""
    return frozenset(path.relative_to(HERE).as_posix() for path in HERE.rglob("*") if path.suffix in TYPES)


def _stored(world: World, unique_id: str) -> Answer:
    file: Any = world.files.get(unique_id)
    if file is None:
        return _text(404, "Not Found")
    kind = file.mime_type.partition(";")[0].strip().lower()
    headers = [*ALWAYS, (b"cache-control", b"private, max-age=86400")]
    if kind in SHOWN:
        return 200, [*headers, (b"content-type", kind.encode())], file.data
    saved = f"attachment; filename*=UTF-8''{quote(file.name, safe='')}".encode()
    return 200, [*headers, (b"content-type", b"application/octet-stream"), (b"content-disposition", saved)], file.data


def _text(status: int, text: str) -> Answer:
    return status, [*ALWAYS, (b"content-type", b"text/plain; charset=utf-8")], text.encode()


def forbidden(reason: str) -> Answer:
    return _text(403, f"Forbidden: {reason}\n")
