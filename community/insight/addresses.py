"""Where the rows behind a number are: on the dashboard, and by which command."""

from datetime import timedelta
from shlex import quote
from urllib.parse import urlencode

from community.insight.diagnosis import Finding
from community.insight.windows import window


def address_of(found: Finding, dashboard: str) -> str:
    """Where the dashboard shows the rows behind a finding."""
    of = {"part": found.part} if found.part else {"group": found.group_id} if found.group_id else {}
    last = window(found.span, found.since, "UTC").until - timedelta(days=1)
    asked = {"from": found.since, "to": last, "span": found.span.value, **of}
    return f"{dashboard}/kpi/{found.kpi}/rows?{urlencode(asked)}"


def rows_of(found: Finding) -> str:
    """How the rows behind a finding are listed."""
    of = f" --part {quote(found.part)}" if found.part else f" --group {found.group_id}" if found.group_id else ""
    return f"sop kpi {found.kpi} --{found.span} {found.since} --rows{of}"
