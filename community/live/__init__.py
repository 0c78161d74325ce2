"""Live sessions: announced, registered for, watched, and the offer's window that opens when they end."""
