"""`sop sandbox`."""

from pathlib import Path

from community.sandbox.__main__ import main
from community.settings import Mode, load_settings


def sandbox(port: int | None, state: Path | None, hosts: list[str]) -> int:
    """Run the sandbox with the bot of the settings, or its own where that is a real one; returns the exit code.

    `state`: the file it begins with, if it exists, and saves to at its end. `hosts`: further names it answers under.
    """
    settings = load_settings()
    bot = [] if settings.effective_mode is Mode.real else ["--token", settings.token]
    port = settings.sandbox_port if port is None else port
    kept = [] if state is None else ["--state", str(state)]
    names = [f"--allow-host={name}" for name in hosts]
    return main(["--host", settings.host, "--port", str(port), *bot, *kept, *names])
