"""The dashboard over real HTTP, and in a real browser."""
