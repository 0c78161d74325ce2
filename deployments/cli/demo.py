"""`sop demo`."""

import asyncio
import os

from community.settings import Mode
from deployments.demo import run_demo


def demo(*, exit: bool, days: int, members: int, seed: int) -> int:
    """Run the demo in its own mode; returns the exit code."""
    os.environ["SOP_MODE"] = Mode.demo
    return asyncio.run(run_demo(exit=exit, days=days, members=members, seed=seed))
