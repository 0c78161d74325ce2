"""What the gateway counts, for /metrics."""

from prometheus_client import Counter

CLICKS = Counter("sop_link_clicks_total", "Clicks on tracked links that were recorded", ["kind"])
PREVIEWS = Counter("sop_link_previews_total", "Fetches of tracked links by link-preview robots, not counted as clicks")
UNKNOWN_LINKS = Counter("sop_link_unknown_total", "Visits to links that do not exist or are forged", ["reason"])
LIBRARY_CLOSED = Counter("sop_library_closed_total", "Visits to library links that did not open", ["reason"])
CONNECTIONS_REFUSED = Counter("sop_gateway_hung_up_total", "Connections ended before a whole request came", ["reason"])
WEBHOOK_REFUSED = Counter("sop_webhook_refused_total", "Webhook deliveries refused", ["reason"])
WEBHOOK_STORED = Counter("sop_webhook_updates_total", "Webhook deliveries by whether they were new", ["outcome"])
PAYMENTS_REFUSED = Counter(
    "sop_payment_callbacks_refused_total", "Callbacks of payment providers refused", ["provider", "reason"]
)
ORDERS = Counter("sop_page_orders_total", "Orders from the page by what came of them", ["outcome"])
PAYMENTS_STORED = Counter("sop_payment_callbacks_total", "Callbacks of payment providers by whether new", ["outcome"])
