"""Users and bots."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from community.sandbox.updates import Inbox

if TYPE_CHECKING:
    from community.sandbox.chats import Dialog
    from community.sandbox.commands import Scope
    from community.sandbox.links import JoinRequest

JSON = dict[str, Any]


class Account:
    """What users and bots have in common. `as_json` is Telegram's User."""

    __slots__ = ("_json", "first_name", "id", "language_code", "last_name", "username")
    is_bot = False

    def __init__(
        self, id: int, first_name: str, last_name: str | None = None, username: str | None = None,
        language_code: str | None = None,
    ) -> None:  # fmt: skip
        self.id = id
        self.first_name = first_name
        self.last_name = last_name
        self.username = username
        self.language_code = language_code
        self._json: JSON | None = None

    def as_json(self) -> JSON:
        """Shared between answers: to be replaced, never changed."""
        if self._json is None:
            named = {"last_name": self.last_name, "username": self.username, "language_code": self.language_code}
            self._json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
            self._json |= {key: value for key, value in named.items() if value is not None}
        return self._json

    def renamed(self) -> None:
        """Forget the cached JSON after a change of names."""
        self._json = None


class User(Account):
    """A person. `requests` are their join requests still waiting, by group id.

    `hides_forwards`: forwards of their messages name them without a link to the account.
    """

    __slots__ = ("deactivated", "hides_forwards", "requests")

    def __init__(self, id: int, first_name: str, *, hides_forwards: bool = False, **names: str | None) -> None:
        super().__init__(id, first_name, **names)
        self.deactivated = False
        self.hides_forwards = hides_forwards
        self.requests: dict[int, JoinRequest] = {}


class Bot(Account):
    """A bot with its token, private chats by user id, queue of updates, the file ids it was given, its Stars.

    `commands` by scope and language; `texts`: name and descriptions by language; `menu_buttons` by private chat, 0
    for all; `default_rights` for channels and for groups.
    """

    __slots__ = (
        "_issued", "commands", "default_rights", "dialogs", "file_ids", "inbox", "menu_buttons", "reads_all", "stars",
        "texts", "token",
    )  # fmt: skip
    is_bot = True

    def __init__(self, token: str, username: str, first_name: str, inbox: Inbox, *, reads_all: bool = True) -> None:
        super().__init__(int(token.partition(":")[0]), first_name, username=username)
        self.token = token
        self.inbox = inbox
        self.reads_all = reads_all
        self.stars = 0
        self.dialogs: dict[int, Dialog] = {}
        self.commands: dict[tuple[Scope, str], list[JSON]] = {}
        self.texts: dict[str, dict[str, str]] = {}
        self.menu_buttons: dict[int, JSON] = {}
        self.default_rights: dict[bool, frozenset[str]] = {}
        self.file_ids: dict[str, str] = {}
        self._issued: dict[str, str] = {}

    def file_id(self, unique_id: str) -> str:
        """This bot's own id for a stored file: other bots cannot use it, as in Telegram."""
        file_id = self._issued.get(unique_id)
        if file_id is None:
            file_id = self._issued[unique_id] = "BQACAgIAAx" + secrets.token_urlsafe(24)
            self.file_ids[file_id] = unique_id
        return file_id

    def knows_file(self, unique_id: str) -> bool:
        return unique_id in self._issued

    def me(self) -> JSON:
        return self.as_json() | {
            "can_join_groups": True,
            "can_read_all_group_messages": self.reads_all,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }
