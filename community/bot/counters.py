"""What the bot counts, for /metrics."""

from prometheus_client import Counter

UPDATES = Counter("sop_updates_total", "Telegram updates by kind and what came of them", ["kind", "outcome"])
MALFORMED = Counter("sop_updates_malformed_total", "Deliveries that were no update at all")
MUTED = Counter("sop_flood_muted_total", "Private messages that got no reply because their sender floods")
UNKNOWN_PAYLOADS = Counter("sop_start_payload_unknown_total", "Starts with a payload that is no tracked link")
SETUP_REFUSED = Counter("sop_group_setup_refused_total", "Wishes to set up a group that were refused", ["reason"])
CHECKOUTS = Counter("sop_checkouts_total", "Questions before payments in Stars by what came of them", ["outcome"])
POLLING_CONFLICTS = Counter("sop_polling_conflicts_total", "Times Telegram said that another program fetches updates")
DIRECT_FAILURES = Counter("sop_direct_call_failures_total", "Direct Bot API calls that failed", ["method"])
