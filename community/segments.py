"""The segments that payers are divided into by recency, frequency and money (RFM). Which is whose: docs/kpis.md."""

from enum import StrEnum


class Segment(StrEnum):
    """A segment of payers: the first that applies, in this order."""

    champions = "champions"
    """Paid lately, often and much."""
    new = "new"
    """Paid for the first time within the last 30 days."""
    loyal = "loyal"
    """Pay often, and not long ago."""
    big_spenders = "big_spenders"
    """Paid much, and not long ago."""
    promising = "promising"
    """Paid lately; not often yet."""
    cooling = "cooling"
    """In the middle: neither lately nor long ago."""
    cannot_lose = "cannot_lose"
    """Paid often and much, and not for long."""
    at_risk = "at_risk"
    """Paid fairly often or much, and not for long."""
    lost = "lost"
    """Paid little, and longest ago."""
    asleep = "asleep"
    """Paid little, and not for long."""
