"""Prefect, as verbs reach it: nothing of it is imported before it is to be asked, as that takes seconds."""

import os

from community.settings import Settings
from deployments.preflight import prefect_api


def point_to_prefect(settings: Settings) -> None:
    """Let Prefect's client find the installation's server. Before the first import of Prefect, which reads it then."""
    os.environ["PREFECT_API_URL"] = prefect_api(settings)
