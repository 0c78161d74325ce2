"""What the sandbox refuses: calls of bots (as Telegram words it) and gestures of users."""

from typing import Any


class ApiError(Exception):
    """A Bot API error: code, Telegram's description and, for some, parameters."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    @property
    def reason(self) -> str:
        """The description without its prefix, as people read it."""
        return self.description.partition(": ")[2]


LOGGED_OUT = ApiError(400, "Logged out")


class Refused(Exception):
    """A user's gesture that Telegram would not let happen, or that names something unknown."""


class ConnectionCut(Exception):
    """The caller is to see its connection closed without an answer; `reset` closes it the hard way."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("connection cut")
        self.reset = reset


def bad_request(text: str, **parameters: Any) -> ApiError:
    return ApiError(400, f"Bad Request: {text}", **parameters)


def forbidden(text: str) -> ApiError:
    return ApiError(403, f"Forbidden: {text}")


def too_many(retry_after: int) -> ApiError:
    return ApiError(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)
