"""``python -m community.sandbox``: the sandbox alone, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import gc
import signal
import sys

from community.sandbox.app import create_app
from community.sandbox.errors import Refused
from community.sandbox.server import bind, server
from community.sandbox.world import DEFAULT_TOKEN, Options


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        app = create_app(Options(tuple(options.token or [DEFAULT_TOKEN]), options.journal_limit))
        listener = bind(options.host, options.port)
    except Refused as error:
        print(f"sandbox: --token: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"sandbox: cannot listen on {options.host}:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    # uvicorn ends its work on SIGTERM or SIGINT, then raises the signal again for whoever was there before.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    host, port = listener.getsockname()[:2]
    print(f"sandbox: Telegram Bot API on http://{host}:{port}/bot<token>/<method>, control on /control/", flush=True)
    # Messages live on in chats by the hundred thousand: looking through them seldom saves a tenth of the time.
    gc.set_threshold(50_000, 20, 50)
    with contextlib.suppress(KeyboardInterrupt):
        server(app).run(sockets=[listener])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m community.sandbox", description="A local Telegram Bot API.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081, help="0 takes a free one")
    parser.add_argument("--token", action="append", help=f"a bot's token, repeatable (default {DEFAULT_TOKEN})")
    parser.add_argument("--journal-limit", type=int, default=200_000, help="calls kept in the journal")
    return parser


if __name__ == "__main__":
    sys.exit(main())
