"""The buttons of a group's set-up: what their argument says, `<group>[_<part>[_<value>]]`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from community.playbook_types import find_zone

RIGHTS, ZONE, LOCALE, WELCOME, SUMMARY = "rights", "zone", "locale", "welcome", "summary"
PARTS = (RIGHTS, ZONE, LOCALE, WELCOME, SUMMARY)
"""What a button may be about, in the order in which it is asked."""
DEFAULT = "default"
"""Value of zone and locale: the community's."""
TYPE_IT = "other"
"""Value of zone: one that is not among the buttons."""
ON, OFF = "on", "off"
"""Values of welcome."""

_ARGUMENT = re.compile(r"([0-9]{1,18})(?:_([a-z]+)(?:_([A-Za-z0-9_-]+))?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class SetupAction:
    """A group's number, what of it, and what that is to be; `value` None: to be asked."""

    group_id: int
    part: str
    value: str | None


def read_setup(argument: str, locales: Sequence[str]) -> SetupAction | None:
    """The action of a button with that argument; None for what the bot never offers."""
    match = _ARGUMENT.fullmatch(argument)
    if match is None:
        return None
    part, value = match[2] or RIGHTS, match[3]
    known = part in PARTS and (value is None or _is_value(part, value, locales))
    return SetupAction(int(match[1]), part, value) if known else None


def _is_value(part: str, value: str, locales: Sequence[str]) -> bool:
    values: dict[str, bool] = {
        ZONE: value in (DEFAULT, TYPE_IT) or find_zone(value) is not None,
        LOCALE: value in (DEFAULT, *locales),
        WELCOME: value in (ON, OFF),
    }
    return values.get(part, False)
