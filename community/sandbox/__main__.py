"""``python -m community.sandbox``: the sandbox alone, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import signal
import socket
import sys
from pathlib import Path

from community.sandbox.app import Sandbox, create_app
from community.sandbox.atomic import write
from community.sandbox.errors import Refused
from community.sandbox.server import bind, server
from community.sandbox.state import load, save
from community.sandbox.world import DEFAULT_TOKEN, Options


class Stop(Exception):
    """The command cannot go on; the message says what and where."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        app = _app(options.token or [], options.journal_limit, options.allow_host or [], options.state)
        listener = _listener(options.host, options.port)
        # uvicorn ends its work on SIGTERM or SIGINT, then raises the signal again for whoever was there before.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        _tell(listener, next(iter(app.world.tokens)))
        # Messages live on in chats by the hundred thousand: looking through them seldom saves a tenth of the time.
        gc.set_threshold(50_000, 20, 50)
        with contextlib.suppress(KeyboardInterrupt, SystemExit):
            server(app).run(sockets=[listener])
        if options.state is not None:
            _keep(app, options.state)
    except Stop as stop:
        print(f"sandbox: {stop}", file=sys.stderr)
        return 1
    return 0


def _app(tokens: list[str], journal_limit: int, hosts: list[str], state: Path | None) -> Sandbox:
    """The sandbox as the file left it, with a bot for every token that it does not know."""
    try:
        names = tuple(name.lower() for name in hosts)
        app = create_app(Options(tuple(tokens or [DEFAULT_TOKEN]), journal_limit, hosts=names))
    except Refused as error:
        raise Stop(f"--token: {error}") from None
    if state is not None:
        if not state.parent.is_dir():
            raise Stop(f"--state {state}: there is no folder {state.parent}")
        _restore(app, tokens, state)
    return app


def _restore(app: Sandbox, tokens: list[str], state: Path) -> None:
    try:
        asyncio.run(load(app.world, state.read_bytes()))
    except FileNotFoundError:
        return
    except OSError as error:
        raise Stop(f"--state {state}: cannot be read: {error.strerror}") from None
    except Refused as error:
        raise Stop(f"--state {state}: {error}; name another file, or move this one away") from None
    try:
        for token in tokens:
            if token not in app.world.tokens:
                app.world.add_bot(token)
    except Refused as error:
        raise Stop(f"--token: {error} in {state}") from None


def _listener(host: str, port: int) -> socket.socket:
    try:
        return bind(host, port)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or "a port is a number from 0 to 65535"
        raise Stop(f"cannot listen on {host}:{port}: {why}; --port 0 takes a free one") from None


def _tell(listener: socket.socket, token: str) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    print(f"sandbox: Telegram Bot API on {url}/bot<token>/<method>, control on {url}/control/")
    print(f"sandbox: watch and play in a browser: {url}/")
    print(f"sandbox: a bot: token {token}, base_url {url}/bot, base_file_url {url}/file/bot", flush=True)


def _keep(app: Sandbox, state: Path) -> None:
    try:
        write(state, save(app.world))
    except Refused as error:
        raise Stop(f"--state {state}: {error}; the file is as it was") from None
    except OSError as error:
        raise Stop(f"--state {state}: cannot be written: {error.strerror}; the file is as it was") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m community.sandbox", description="A local Telegram Bot API.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1: this machine)")
    parser.add_argument("--port", type=int, default=8081, help="default 8081; 0 takes a free one")
    parser.add_argument("--token", action="append", help=f"a bot's token, repeatable (default {DEFAULT_TOKEN})")
    parser.add_argument(
        "--allow-host", action="append", metavar="NAME", help="answer control and page under this name too, repeatable"
    )
    parser.add_argument("--journal-limit", type=int, default=200_000, help="entries kept in the journal")
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="begin as this file says, if it exists, and save to it at the end"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
