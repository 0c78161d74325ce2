"""Errors on request: rules that make chosen calls slow, fail, or lose their answer."""

from __future__ import annotations

import random
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

Kind = Literal["latency", "status", "drop_after_accept", "reset", "too_many", "blocked"]


class Rule(BaseModel):
    """One fault. A call is hit when method and chat match, then by chance or by turn, at most `times` times.

    latency            wait `latency_ms` before the effect
    status             answer `status` (5xx); the effect happens only with `after_effect`
    drop_after_accept  the effect happens, the connection closes without an answer
    reset              no effect, the connection is reset
    too_many           429 with `retry_after` seconds, no effect
    blocked            403 "bot was blocked by the user", no effect
    """

    model_config = ConfigDict(extra="forbid", defer_build=True)
    kind: Kind
    method: str = "*"
    chat: int | None = None
    probability: float = Field(1.0, ge=0, le=1)
    every: int = Field(1, ge=1, description="every n-th matching call")
    nth: int | None = Field(None, ge=1, description="only the n-th matching call")
    times: int | None = Field(None, ge=1)
    latency_ms: float = Field(0, ge=0, le=600_000)
    status: int = Field(502, ge=500, le=599)
    retry_after: int = Field(1, ge=1, le=86_400)
    after_effect: bool = False
    _matched: int = PrivateAttr(0)
    _hits: int = PrivateAttr(0)

    def as_json(self) -> dict[str, Any]:
        return self.model_dump() | {"matched": self._matched, "hits": self._hits}

    def strikes(self, method: str, chat_id: int | None, chance: float) -> bool:
        """Whether this call is hit; counts it. `chance`: 0 to 1."""
        if not fnmatchcase(method.lower(), self.method.lower()) or self.chat not in (None, chat_id):
            return False
        if self.times is not None and self._hits >= self.times:
            return False
        self._matched += 1
        turn = self._matched == self.nth if self.nth else self._matched % self.every == 0
        if not turn or chance >= self.probability:
            return False
        self._hits += 1
        return True


class Faults:
    """All rules; `latency_ms` applies to every call besides."""

    def __init__(self) -> None:
        self.rules: dict[int, Rule] = {}
        self.latency_ms = 0.0
        self._random = random.Random(0)  # noqa: S311 - repeatable chance, nothing secret
        self._last_id = 0

    def add(self, rule: Rule) -> int:
        """The rule's number, by which to remove it."""
        self._last_id += 1
        self.rules[self._last_id] = rule
        return self._last_id

    def remove(self, rule_id: int | None) -> None:
        """One rule, or all and the general latency."""
        if rule_id is not None:
            self.rules.pop(rule_id, None)
        else:
            self.rules.clear()
            self.latency_ms = 0.0

    def hit(self, method: str, chat_id: int | None) -> list[Rule]:
        """Rules that strike this call."""
        return [rule for rule in self.rules.values() if rule.strikes(method, chat_id, self._random.random())]

    def as_json(self) -> dict[str, Any]:
        rules = [rule.as_json() | {"id": number} for number, rule in self.rules.items()]
        return {"latency_ms": self.latency_ms, "rules": rules}
