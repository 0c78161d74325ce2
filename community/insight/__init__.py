"""Insight: KPIs, their values by day, week and month, and what is made of them."""
