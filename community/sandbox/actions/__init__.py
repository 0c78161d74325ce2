"""What users do, one module per topic. Importing this package registers them all."""

from community.sandbox.actions import accounts, administration, joining, paying, pressing, talking
from community.sandbox.actions.registry import GESTURES, Gesture, perform

__all__ = ["GESTURES", "Gesture", "accounts", "administration", "joining", "paying", "perform", "pressing", "talking"]
