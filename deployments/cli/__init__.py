"""The command `sop`."""
