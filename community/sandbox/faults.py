"""Errors on request: rules that make chosen calls slow, fail, or lose their answer."""

from __future__ import annotations

import random
from dataclasses import asdict
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from community.sandbox.errors import Refused

Kind = Literal[
    "latency", "status", "drop_after_accept", "reset", "too_many", "blocked", "deactivated", "kicked", "migrate"
]


@dataclass(config=ConfigDict(extra="forbid", defer_build=True), kw_only=True)
class Rule:
    """One fault. A call is hit when method and chat match, then by chance or by turn, at most `times` times.

    latency            wait `latency_ms` before the effect
    status             answer `status` (5xx); the effect happens only with `after_effect`
    drop_after_accept  the effect happens, the connection closes without an answer
    reset              no effect, the connection is reset
    too_many           429 with `retry_after` seconds, no effect
    blocked            403 "bot was blocked by the user", no effect
    deactivated        403 "user is deactivated", no effect
    kicked             403 "bot was kicked from the supergroup chat", no effect
    migrate            400 with `migrate_to_chat_id`; a basic group does become a supergroup

    One that is not `enabled` neither strikes nor counts.
    """

    kind: Kind
    enabled: bool = True
    method: str = "*"
    chat: int | None = None
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    every: Annotated[int, Field(ge=1, description="every n-th matching call")] = 1
    nth: Annotated[int, Field(ge=1, description="only the n-th matching call")] | None = None
    times: Annotated[int, Field(ge=1)] | None = None
    latency_ms: Annotated[float, Field(ge=0, le=600_000)] = 0
    status: Annotated[int, Field(ge=500, le=599)] = 502
    retry_after: Annotated[int, Field(ge=1, le=86_400)] = 1
    after_effect: bool = False


@dataclass
class Fault:
    """A rule at work: how many calls it matched, how many of them it hit."""

    rule: Rule
    matched: int = 0
    hits: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self.rule) | {"matched": self.matched, "hits": self.hits}

    def strikes(self, method: str, chat_id: int | None, chance: float) -> bool:
        """Whether this call is hit; counts it. `chance`: 0 to 1."""
        rule = self.rule
        if not rule.enabled or rule.chat not in (None, chat_id) or not fnmatchcase(method.lower(), rule.method.lower()):
            return False
        if rule.times is not None and self.hits >= rule.times:
            return False
        self.matched += 1
        turn = self.matched == rule.nth if rule.nth else self.matched % rule.every == 0
        if not turn or chance >= rule.probability:
            return False
        self.hits += 1
        return True


class Faults:
    """All rules by number; `latency_ms` applies to every call besides."""

    def __init__(self) -> None:
        self.rules: dict[int, Fault] = {}
        self.latency_ms = 0.0
        self._drawn = 0
        self._last_id = 0

    def add(self, rule: Rule) -> int:
        """The rule's number, by which to change or remove it."""
        self._last_id += 1
        self.rules[self._last_id] = Fault(rule)
        return self._last_id

    def find(self, rule_id: int) -> Fault:
        if rule_id not in self.rules:
            raise Refused(f"no fault {rule_id}")
        return self.rules[rule_id]

    def remove(self, rule_id: int | None) -> None:
        """One rule, or all and the general latency."""
        if rule_id is not None:
            self.rules.pop(rule_id, None)
        else:
            self.rules.clear()
            self.latency_ms = 0.0

    def hit(self, method: str, chat_id: int | None) -> list[Rule]:
        """Rules that strike this call."""
        return [fault.rule for fault in self.rules.values() if fault.strikes(method, chat_id, self._chance())]

    def _chance(self) -> float:
        """Repeatable chance: the same rules and calls meet the same faults."""
        self._drawn += 1
        return random.Random(self._drawn).random()  # noqa: S311 - nothing secret

    def as_json(self) -> dict[str, Any]:
        rules = [fault.as_json() | {"id": number} for number, fault in self.rules.items()]
        return {"latency_ms": self.latency_ms, "rules": rules}
