"""Everything that is held about one member: told, or erased, whichever package holds it."""
