"""What makes members take part: coupons with their ledger, surveys."""
