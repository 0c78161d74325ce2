"""The check of one call: no parameter unknown, none ill-typed, none missing."""

from __future__ import annotations

from functools import cache

from community.sandbox.description import library
from community.sandbox.description.arguments import argument_of
from community.sandbox.description.types import FILE, TEXT, check_of
from community.sandbox.errors import ApiError, bad_request
from community.sandbox.params import Params

UNKNOWN_METHOD = ApiError(404, "Not Found: method not found")
TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
MISSING = {
    "address": "address is empty",
    "action": "wrong parameter action in request",
    "callback_query_id": TOO_OLD,
    "chat_id": "chat_id is empty",
    "file_id": "invalid file_id specified",
    "latitude": "latitude is empty",
    "longitude": "longitude is empty",
    "message_id": "message identifier is not specified",
    "message_ids": "message identifiers are not specified",
    "pre_checkout_query_id": TOO_OLD,
    "shipping_query_id": TOO_OLD,
    "text": "message text is empty",
    "user_id": "invalid user_id specified",
}
"""Telegram's words for what is missing, where they are not 'parameter "…" is required'."""


class Described:
    """A method's parameters, each with its check, and which it cannot do without."""

    def __init__(self, method: str) -> None:
        parameters = library.parameters(method)
        checks = {each.name: check_of(each.annotation) for each in parameters}
        self.method = method
        self.arguments = {name: argument_of(name, check) for name, check in checks.items()}
        self.required = [each.name for each in parameters if each.required]
        self.files = frozenset(name for name, check in checks.items() if check is FILE)
        self.texts = frozenset(name for name, check in checks.items() if check is TEXT)

    def check(self, params: Params) -> None:
        """Raises Telegram's 400."""
        raw, arguments = params.raw, self.arguments
        for name, value in raw.items():
            argument = arguments.get(name)
            if argument is None:
                raise bad_request(f'parameter "{name[:64]}" is unknown to method {self.method}')
            if value is not None:
                argument(value)
        for name in self.required:
            if not raw.get(name) and self._misses(name, params):
                raise bad_request(self._missing(name))

    def _misses(self, name: str, params: Params) -> bool:
        """An empty text is there; an empty number, object or file is not."""
        value = params.raw.get(name)
        if value == "":
            return name not in self.texts
        return value is None and not (name in self.files and name in params.files)

    def _missing(self, name: str) -> str:
        if name in self.files:
            return f"there is no {name.replace('_', ' ')} in the request"
        return MISSING.get(name, f'parameter "{name}" is required')


@cache
def described(method: str) -> Described:
    """The description of a method by its exact name. Raises KeyError when Telegram has none."""
    return Described(method)


@cache
def _spellings() -> dict[str, str]:
    return {name.lower(): name for name in library.functions()}


def absent(name: str) -> ApiError:
    """Why the sandbox cannot do `name`: Telegram has it, or nobody has."""
    known = _spellings().get(name.lower())
    if known is None:
        return UNKNOWN_METHOD
    return bad_request(f"method {known} is known to Telegram but not to this sandbox")
