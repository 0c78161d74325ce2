"""What happens by itself when its time comes, one module per topic. Importing this package registers it all."""

from community.sandbox.due import payments, polls, restrictions
from community.sandbox.due.registry import DUTIES, Due, catch_up, duty

__all__ = ["DUTIES", "Due", "catch_up", "duty", "payments", "polls", "restrictions"]
