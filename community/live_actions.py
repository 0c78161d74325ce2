"""What buttons and start links say of a live session: `live:register_7`, `live:ask_7`, `?start=live_7`."""

import re
from dataclasses import dataclass

REGISTER, ASK = "register", "ask"

_ARGUMENT = re.compile(rf"({REGISTER}|{ASK})_([0-9]{{1,19}})", re.ASCII)
_PAYLOAD = re.compile(r"live_([0-9]{1,19})", re.ASCII)


@dataclass(frozen=True, slots=True)
class LiveAction:
    """What is wished of which session."""

    what: str
    live_id: int


def read_live(argument: str) -> LiveAction | None:
    """The wish of a button with that argument; None for what the bot never offers."""
    match = _ARGUMENT.fullmatch(argument)
    return LiveAction(match[1], int(match[2])) if match else None


def read_start(payload: str) -> int | None:
    """The session that a start payload is about."""
    match = _PAYLOAD.fullmatch(payload)
    return int(match[1]) if match else None


def start_payload(live_id: int) -> str:
    """The payload of a link that registers whoever starts the bot by it."""
    return f"live_{live_id}"
