"""One psycopg pool, embedded PostgreSQL, named queries, migrations."""
