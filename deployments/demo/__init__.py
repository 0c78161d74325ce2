"""The demonstration: a synthetic community lives four virtual weeks on the real servers, and every claim is checked."""

from deployments.demo.run import run_demo

__all__ = ["run_demo"]
