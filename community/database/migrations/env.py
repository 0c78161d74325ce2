"""Alembic's environment: compares the database with the SQLModel tables, leaving monthly partitions alone."""

from typing import Any

from alembic import context

from community.database.tables import metadata


def _is_ours(_object: Any, name: str | None, kind: str, reflected: bool, _compare_to: Any) -> bool:
    """Monthly partitions are made by the writers (`…_p2026_11`), not by migrations."""
    return not (kind == "table" and reflected and name not in metadata.tables)


connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, include_object=_is_ours, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
