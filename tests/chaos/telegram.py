"""Rows of the Bot API: slow, answers lost, errors of its own, storms of 429."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from tests.chaos.scene import Scene, scene, strike
from tests.chaos.verdict import Row

GUARDS = "4, 14: marketing at most once, transactional never lost, every message with a reason"
MOST_PARKED = 32 + 25
"""What was in flight when answers stopped, and the one at a time that asks: see `community.outbox.outage`."""


async def slow(size: int, seconds: float) -> Row:
    """Every call takes 9.5 s: half a second less than the longest wait for an answer."""
    row = Row("slow", f"the Bot API takes 9.5 s a call, for {seconds:.0f} s", GUARDS)
    return await _faulty(row, size, seconds, "latency", latency_ms=9_500)


async def silent(size: int, seconds: float) -> Row:
    """Every call takes longer than anyone waits, and takes effect all the same."""
    row = Row("silent", f"the Bot API takes 15 s a call, for {seconds:.0f} s: each is done, no answer in time", GUARDS)
    row = await _faulty(row, size, seconds, "latency", method="send*", latency_ms=15_000)
    return _spared(row, seconds)


async def dropping(size: int, seconds: float) -> Row:
    """Telegram accepts each message and closes the connection without an answer."""
    row = Row("dropping", f"connections are closed after accept, for {seconds:.0f} s", GUARDS)
    return _spared(await _faulty(row, size, seconds, "drop_after_accept", method="send*"), seconds)


async def errors(size: int, seconds: float) -> Row:
    """Telegram answers 502 to everything."""
    row = Row("errors", f"the Bot API answers 502, for {seconds:.0f} s", GUARDS)
    return _spared(await _faulty(row, size, seconds, "status", status=502), seconds)


async def storm(size: int, seconds: float) -> Row:
    """Half of the messages meet a 429 with two seconds to wait; the sandbox keeps Telegram's limits besides."""
    row = Row("storm", f"half of the calls meet 429, retry after 2 s, for {seconds:.0f} s", f"5: limits kept; {GUARDS}")
    async with scene(size // 4) as s:
        await s.client.set_limits(True)
        await s.client.reset_meter()
        fault = partial(_for_a_while, s, seconds, "too_many", method="send*", retry_after=2, probability=0.5)
        row = await strike(s, row, fault, rate=30)
        meter = await s.client.meter(s.bot_id)
    row.figures["worst second"] = meter["worst_second"]
    row.must(meter["worst_second"] <= 30, f"{meter['worst_second']} messages in one second")
    return row


def _spared(row: Row, seconds: float) -> Row:
    parked = int(row.figures.get("promotional uncertain", 0))
    row.must(parked <= MOST_PARKED + seconds / 15, f"{parked} promotional messages parked")
    return row


async def _faulty(row: Row, size: int, seconds: float, kind: str, **rule: object) -> Row:
    async with scene(size) as s:
        return await strike(s, row, partial(_for_a_while, s, seconds, kind, **rule))


async def _for_a_while(s: Scene, seconds: float, kind: str, **rule: object) -> None:
    await s.client.add_fault(kind, **rule)
    await asyncio.sleep(seconds)
    await s.client.clear_faults()


Measure = Callable[[int, float], Awaitable[Row]]
ROWS: dict[str, Measure] = {
    "slow": slow, "silent": silent, "dropping": dropping, "errors": errors, "storm": storm,
}  # fmt: skip
