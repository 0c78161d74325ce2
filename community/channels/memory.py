"""A channel that keeps what it is given, for tests of what stands before it."""

from collections.abc import Callable

from community.channels.channel import Outcome, Outgoing, Result


class MemoryChannel:
    """Accepts everything, or whatever `answer` says."""

    def __init__(self, answer: Callable[[Outgoing], Outcome] | None = None) -> None:
        self.sent: list[Outgoing] = []
        self._answer = answer

    async def send(self, message: Outgoing) -> Outcome:
        """Keep the message and answer at once."""
        self.sent.append(message)
        return self._answer(message) if self._answer else Outcome(Result.sent, telegram_message_id=len(self.sent))
