"""Payments: what providers say has happened, folded into a ledger, access and one receipt, in one transaction."""
