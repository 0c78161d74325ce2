"""`python -m deployments.demo [--exit] [--days 28] [--members 300] [--seed 7]`."""

import argparse
import asyncio
import sys

from community.errors import SopError
from deployments.demo import run_demo


def main() -> int:
    """Run the demonstration; the exit code."""
    options = argparse.ArgumentParser(prog="python -m deployments.demo", description="A synthetic community, alive.")
    options.add_argument("--exit", action="store_true", help="end afterwards instead of staying up")
    options.add_argument("--days", type=int, default=28, help="virtual days")
    options.add_argument("--members", type=int, default=300, help="synthetic members")
    options.add_argument("--seed", type=int, default=7, help="another number, another community")
    chosen = options.parse_args()
    try:
        return asyncio.run(run_demo(**vars(chosen)))
    except SopError as error:
        print(error, file=sys.stderr)
        return 1


sys.exit(main())
