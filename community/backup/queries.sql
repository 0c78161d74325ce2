-- name: one_moment
-- Everything as of one moment, while the service goes on. In the manner of pg_dump.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY

-- name: last_number
SELECT pg_sequence_last_value(pg_get_serial_sequence(%(table)s, 'id')::regclass) AS number

-- name: go_on_after
-- Numbers are never given out twice: those of messages and members stand in links that members still have.
SELECT setval(pg_get_serial_sequence(%(table)s, 'id')::regclass, %(number)s)

-- name: tables
-- And whatever else may hold or show rows, save our own views.
SELECT c.relname AS name FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'f', 'm', 'v')
    AND NOT c.relispartition AND NOT (c.relkind = 'v' AND starts_with(c.relname, 'v_'))
ORDER BY c.relname

-- name: columns
-- Those that can be written: of a generated column PostgreSQL makes the value itself.
SELECT attname AS name FROM pg_attribute
WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attname

-- name: indexes
SELECT c.relname AS name, pg_get_indexdef(c.oid) AS definition
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = %(table)s::regclass AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)

-- name: constraints_at_once
-- What is otherwise asked at commit, such as whether the ledger balances, is asked of each table when its rows are there:
-- an index cannot be made while a table's questions are open.
SET CONSTRAINTS ALL IMMEDIATE

-- name: index_memory
-- Indexes of millions of rows are sorted in memory.
SELECT set_config('maintenance_work_mem', '256MB', true)

-- name: on_the_way
SELECT count(*) AS messages FROM v_messages WHERE state = 'sending'
