"""Audiences, the guardrails they all pass, plans, decisions, explain."""
