"""Limits, faults, clock, queues of updates."""

from __future__ import annotations

import asyncio
from typing import Any

from community.sandbox.client.connection import JSON, Chat, Connection, first


class Circumstances(Connection):
    """What a test or an operator sets up around the bots."""

    async def meter(self, bot: Chat = None) -> JSON:
        """calls, methods, worst_second, worst_minute, worst_chat_second, worst_group_minute, too_many; and of the
        worst private chat and group, worst_chat and worst_group: chat_id, too_many."""
        result: JSON = await self.ask("GET", "meter", bot=bot)
        return result

    async def reset_meter(self) -> None:
        await self.ask("DELETE", "meter")

    async def set_limits(self, enforced: bool = True, **limits: int) -> JSON:
        """per_second, per_chat_second, per_group_minute, chat_burst, paid_per_second."""
        result: JSON = await self.ask("PATCH", "limits", {"enforced": enforced} | limits)
        return result

    async def add_fault(self, kind: str, **rule: Any) -> int:
        """A kind and fields of `faults.Rule`; the rule's number."""
        number: int = first(await self.ask("POST", "faults", [{"kind": kind} | rule]))["id"]
        return number

    async def faults(self) -> JSON:
        result: JSON = await self.ask("GET", "faults")
        return result

    async def change_fault(self, id: int, **rule: Any) -> JSON:
        """Other fields for a rule, such as ``enabled=False``; its counts stay."""
        result: JSON = await self.ask("PATCH", "faults", {"id": id} | rule)
        return result

    async def clear_faults(self, id: int | None = None) -> None:
        """One rule, or all of them and the general latency."""
        await self.ask("DELETE", "faults", {} if id is None else {"id": id})

    async def set_latency(self, latency_ms: float) -> None:
        """Every bot call waits this long before its effect."""
        await self.ask("PUT", "latency", {"latency_ms": latency_ms})

    async def now(self) -> float:
        """Sandbox time in seconds."""
        moment: float = (await self.ask("GET", "clock"))["now"]
        return moment

    async def set_clock(self, now: float, *, frozen: bool = False) -> None:
        await self.ask("PATCH", "clock", {"now": now, "frozen": frozen})

    async def freeze_clock(self, frozen: bool = True) -> None:
        """Stop the clock where it stands, or let it go on."""
        await self.ask("PATCH", "clock", {"frozen": frozen})

    async def run_clock(self, speed: float) -> None:
        """`speed` sandbox seconds pass in a real one."""
        await self.ask("PATCH", "clock", {"speed": speed})

    async def advance_clock(self, seconds: float) -> None:
        """Whatever falls due meanwhile happens in order, each at its own moment."""
        await self.ask("PATCH", "clock", {"advance": seconds})

    async def real_clock(self) -> None:
        await self.ask("PATCH", "clock", {"real": True})

    async def inject(self, update: JSON, bot: Chat = None) -> int:
        """Queue a raw update, well formed or not; its update_id."""
        number: int = (await self.ask("POST", "updates", {"update": update, "bot": bot}))["update_id"]
        return number

    async def pending(self) -> dict[int, int]:
        """Updates not yet confirmed or delivered, by bot."""
        return {int(bot): count for bot, count in (await self.ask("GET", "pending")).items()}

    async def wait_idle(self, within: float = 10, *, bot: int | None = None) -> None:
        """Until no update is pending (of one bot, or of all). Raises TimeoutError after `within` seconds."""
        async with asyncio.timeout(within):
            while await self._busy(bot):  # noqa: ASYNC110 - the event is in another process
                await asyncio.sleep(0.01)

    async def _busy(self, bot: int | None) -> bool:
        return any(count for each, count in (await self.pending()).items() if bot in (None, each))

    async def reset(self) -> None:
        """Everything as after a start."""
        await self.ask("POST", "reset")
