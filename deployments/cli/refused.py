"""What came in and was not taken: updates that failed, and what the service refused, left unanswered or cut short."""

import asyncio
from collections.abc import Iterable
from http.client import HTTPConnection, HTTPException

from prometheus_client.parser import text_string_to_metric_families

from community.bot.overview import troubles
from deployments.cli.output import console, local, print_table
from deployments.cli.session import Session

ANSWER_S = 2.0
COUNTERS = {
    "sop_webhook_refused_total": "delivery to the webhook refused",
    "sop_payment_callbacks_refused_total": "callback of a payment provider refused",
    "sop_gateway_hung_up_total": "connection ended before a whole request came",
    "sop_link_unknown_total": "visit to a link that leads nowhere",
    "sop_start_payload_unknown_total": "start with an unknown payload",
    "sop_flood_muted_total": "message left unanswered: its sender floods",
    "sop_updates_malformed_total": "what was no update at all",
    "sop_polling_conflicts_total": "another program fetches this bot's updates",
    "sop_direct_call_failures_total": "answer to a press or payment, or invite link, that Telegram refused",
}
"""Counters of /metrics that tell of trouble from outside, in words."""


async def print_refused(s: Session) -> None:
    """Updates that wait or failed; then the counts of the service on this machine, if it answers."""
    found = await troubles(s.conn, s.settings.bot_id)
    rows = [
        (t.updates, "waiting" if t.state == "pending" else t.state, t.kind, t.error, local(t.latest_wall, "UTC"))
        for t in found
    ]
    print_table(console(), "Updates not handled", ("updates", "state", "kind", "error", "latest (UTC)"), rows)
    text = await asyncio.to_thread(_metrics, s.settings.host, s.settings.gateway_port)
    print_table(console(), "Refused since the service started", ("times", "what", "why"), _counts(text))


def _metrics(host: str, port: int) -> str:
    """The service's /metrics; nothing when it does not answer."""
    connection = HTTPConnection(host, port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode(errors="replace")
    except (OSError, HTTPException):
        return ""
    finally:
        connection.close()
    return text if "sop_" in text else ""  # else another program has the port


def _counts(metrics: str) -> Iterable[tuple[object, ...]]:
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name in COUNTERS and sample.value:
                yield int(sample.value), COUNTERS[sample.name], " ".join(sample.labels.values()) or None
