"""What users do, one module per topic. Importing this package registers them all."""

from community.sandbox.actions import (
    accounts,
    administration,
    deep_links,
    joining,
    pressing,
    settings,
    talking,
    topics,
)
from community.sandbox.actions.registry import GESTURES, Gesture, perform

__all__ = [
    "GESTURES",
    "Gesture",
    "accounts",
    "administration",
    "deep_links",
    "joining",
    "perform",
    "pressing",
    "settings",
    "talking",
    "topics",
]
