"""Errors a user may meet. Each docstring says what went wrong; the message adds where, and what to do next."""

from collections.abc import Mapping, Sequence
from typing import Any


class SopError(Exception):
    """Base of all errors shown to a user as one line, without a traceback."""


class SettingsError(SopError):
    """A setting is missing, malformed or still a placeholder."""


class PlaybookError(SopError):
    """The playbook or a message template is not valid; the message names file and line."""


class DatabaseError(SopError):
    """The database cannot be reached or is not the one this bot belongs to."""


class TokenError(SopError):
    """Telegram refuses the bot token."""


class TelegramRefused(SopError):
    """Telegram refuses a call of the Bot API; the message holds Telegram's own words."""


class PortInUse(SopError):
    """A port that the stack needs is taken by another program."""


class UnknownMember(SopError):
    """No member matches what was asked for."""


class UnknownStage(SopError):
    """No stage of that name is in the playbook."""


class VersionChanged(SopError):
    """The playbook that something was to be planned by is not in force any more; nothing was planned."""


class LiveRefused(SopError):
    """A live session cannot be added, moved or cancelled as asked; nothing was changed."""


class UnknownLive(SopError):
    """No live session matches what was asked for."""


class AccessRefused(SopError):
    """What was asked of a member's terms cannot be done; nothing was changed."""


class ExperimentRefused(SopError):
    """An experiment cannot be decided as asked; nothing was changed."""


class OrderRefused(SopError):
    """An order cannot be opened, or a payment placed, as asked; nothing was changed."""


class CouponRefused(SopError):
    """A coupon cannot be issued as asked, or is not taken; nothing was changed."""


class ImportRefused(SopError):
    """A file to import is not what it should be, or the import cannot begin; nothing was imported."""


class ExportRefused(SopError):
    """What was asked for cannot be exported."""


class BackupRefused(SopError):
    """A backup cannot be made, or what is to be restored is not one that may be; the database is as it was."""


class UnknownProposal(SopError):
    """No proposal of that hash or number."""


class ProposalRefused(SopError):
    """A proposal cannot be executed any more: the world, the playbook or the copy changed since. Nothing was done.

    `fallen`: some of the messages that are not right any more (member_id, step, occurrence, reason).
    """

    def __init__(self, message: str, fallen: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.fallen = fallen


class PrefectUnavailable(SopError):
    """The Prefect server did not answer in time."""
