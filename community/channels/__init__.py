"""Ways to reach people: Telegram, and an in-memory channel for tests; one Protocol."""
