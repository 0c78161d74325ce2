"""Backup of the whole database into one file, and restore of that file into an empty one."""
