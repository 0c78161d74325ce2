"""The core of community-sop, free of Prefect: one package per capability (see the README's map)."""
